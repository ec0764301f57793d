import { goesInTheClear, parseLocation } from '../desired-state/documents/backups.ts'
import type { BackupLocation } from '../desired-state/state.ts'
import type { ResticAccess } from '../reconcilers/backups/restic/access.ts'
import { refuseFilled } from '../reconcilers/backups/restore/into-place.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import { minimalEnvironment, spawn } from '../runtime/os/spawn.ts'
import { userName } from '../runtime/os/user.ts'

export interface RestoreOrder {
  /** As restic spells it. */
  readonly repository: string
  /** Asked for once all else is in order, and only where the repository has to be opened. */
  readonly password: string | (() => Promise<string>)
  /** Beginning of the id of a snapshot; undefined for the newest. */
  readonly snapshot: string | undefined
  /** Empty or absent. */
  readonly into: string
  /** For s3 and rest. */
  readonly keys: ResticAccess['keys']
  readonly region: string | undefined
  /** For sftp: the public key of the server, also as ssh-keyscan shows it; and the file of the key that it lets in. */
  readonly hostKey: string | undefined
  readonly identity: string | undefined
  readonly signal: AbortSignal
  readonly progress: (line: string) => void
  /** Called after every step; a test ends the process here. */
  readonly onStep?: (name: string) => void
}

/** Where its repository is. Throws what is wrong with an order, before anybody is asked for a password, or any server for anything. */
export async function judgeOrder(order: RestoreOrder): Promise<BackupLocation> {
  await refuseFilled(order.into)
  const location = parseLocation(order.repository, hostKeyOf(order.hostKey), order.region)
  if (typeof location === 'string') throw new ApplianceError('invalid', inWordsOfOptions(location))
  if (location.type === 's3' && order.keys === undefined)
    throw new ApplianceError('invalid', 'a bucket wants its keys', {
      hint: keysHint('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'),
    })
  if (order.keys !== undefined && goesInTheClear(location))
    throw new ApplianceError('invalid', 'a password goes over https only', {
      hint: 'write rest:https://, or unset RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD',
    })
  if (location.type === 'sftp') await judgeIdentity(order.identity)
  return location
}

/** How one sets variables for a command that may be run through sudo, which takes them away. */
export const keysHint = (names: string) => `set ${names} in the environment; sudo passes them on with --preserve-env=NAME,NAME`

const inWordsOfOptions = (mistake: string) =>
  mistake
    .replace(/\bhost_key\b/, '--host-key')
    .replace('name them with access_key and secret_key, as secret:NAME', 'set RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD')

function hostKeyOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const found = /\b(?:ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]{40,1000}/.exec(text)?.[0]
  if (found !== undefined) return found
  throw new ApplianceError('invalid', '--host-key is not the public key of a server', {
    hint: 'in quotes, like "ssh-ed25519 AAAA…": ssh-keyscan HOST shows it',
  })
}

/** ssh would say of a key that it cannot use only that the server lets nobody in. */
async function judgeIdentity(path: string | undefined): Promise<void> {
  if (path === undefined) throw new ApplianceError('invalid', 'sftp wants --identity, the file of a key that the server lets in')
  const { code, stderr } = await spawn(['/usr/bin/ssh-keygen', '-y', '-P', '', '-f', path], { env: minimalEnvironment })
  if (code === 0) return
  const refused = (message: string, hint: string) => new ApplianceError('invalid', `${path} ${message}`, { hint })
  if (/No such file or directory/i.test(stderr))
    throw refused('is not there', '--identity names the file of a private key, best with its whole path')
  // Also where a folder above it is closed, as that of root is to everybody else.
  if (/: Permission denied\s*$/im.test(stderr))
    throw refused(
      `cannot be read by the user ${userName()}`,
      `lend it a copy: sudo install -m 0600 -o ${userName()} ${path} /var/tmp/restore-key; and remove that afterwards`,
    )
  if (/UNPROTECTED|bad permissions/i.test(stderr))
    throw refused('can be read by others, and ssh takes no such key', `chmod 600 ${path}`)
  if (/passphrase/i.test(stderr))
    throw refused(
      'has a passphrase, and ssh asks nobody here',
      `take it from a copy: cp ${path} /var/tmp/restore-key && ssh-keygen -p -N '' -f /var/tmp/restore-key; and remove that afterwards`,
    )
  throw refused(`is no private key: ${stderr.trim().split('\n').at(-1)}`, 'the file without .pub')
}
