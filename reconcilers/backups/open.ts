import { realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { BackupDeclaration, BackupLocation } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { makeDirectory, readTextIfExists, removeIfExists, statIfExists } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { minimalEnvironment, type Spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { type Place, place, placeOfUrl } from '../../runtime/secrets/place.ts'
import { type ResticAccess, writeKnownHosts } from './restic/access.ts'

/** Value of `secret:NAME`; throws `waiting` with its name. `purpose` is for the audit, `to` says where it goes. */
export type SecretOf = (reference: string, purpose: string, to: Place | 'here') => Promise<string>

/** Where a repository lies. */
function placeOf(location: BackupLocation): Place | 'here' {
  switch (location.type) {
    case 'folder':
      return 'here'
    case 'sftp':
      return place(location.host, location.port, 'backup')
    case 's3':
    case 'rest': {
      const address = location.repository.slice(location.type.length + 1)
      return placeOfUrl(/^https?:/i.test(address) ? address : `https://${address}`, 'backup')
    }
  }
}

/** Folders of restic below `backups/`. */
export const resticFolders = (home: Home) => ({ cache: join(home.backups, 'cache'), temporary: join(home.backups, 'tmp') })

/** All that opens a repository, resolved now. */
export async function openAccess(
  { home, spawn, secret }: { readonly home: Home; readonly spawn: Spawn; readonly secret: SecretOf },
  {
    name,
    location,
    password,
    accessKey,
    secretKey,
  }: Pick<BackupDeclaration, 'name' | 'location' | 'password' | 'accessKey' | 'secretKey'>,
): Promise<ResticAccess> {
  if (location.type === 'folder') await refuseInside(home, location.repository)
  const purpose = `backup ${name}`
  const to = placeOf(location)
  const keys =
    accessKey === undefined || secretKey === undefined
      ? undefined
      : { access: await secret(accessKey, purpose, to), secret: await secret(secretKey, purpose, to) }
  const ssh =
    location.type === 'sftp'
      ? { identity: await ensureIdentity(home, spawn), knownHosts: await writeKnownHosts(home.backups, name, location) }
      : undefined
  return { location, password: await secret(password, purpose, to), keys, ssh, ...resticFolders(home) }
}

const ownFolders = ['cache', 'tmp', 'current', 'restored']

/** A repository inside what it keeps would grow without end, or be served to everybody; also behind a link. */
async function refuseInside(home: Home, repository: string): Promise<void> {
  const [root, folder] = await Promise.all([home.root, repository].map(realOf))
  if (root === undefined || folder === undefined || (folder !== root && !folder.startsWith(`${root}${sep}`))) return
  const [first = '', second = ''] = relative(root, folder).split(sep)
  if (first === 'backups' && second !== '' && !ownFolders.includes(second) && !second.startsWith('drill-')) return
  throw new ApplianceError('stalled', `the repository ${repository} would lie inside what it keeps`, {
    hint: `take a folder outside of ${home.root}, best on another machine; or below ${join(home.backups, 'NAME')}`,
  })
}

/** Where a path leads to, as far as it is there. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    return dirname(path) === path ? path : join(await realOf(dirname(path)), relative(dirname(path), path))
  }
}

const identityPath = (home: Home) => join(home.keys, 'backup-ssh')

/** The public key that a server of sftp or Git has to let in; undefined before it was needed. */
export const publicIdentity = async (home: Home): Promise<string | undefined> =>
  (await readTextIfExists(`${identityPath(home)}.pub`))?.trim()

/** The appliance's own key for servers of sftp and Git; made when it is first needed. */
export async function ensureIdentity(home: Home, spawn: Spawn): Promise<string> {
  const path = identityPath(home)
  const [own, open] = await Promise.all([statIfExists(path), statIfExists(`${path}.pub`)])
  if (own !== undefined && open !== undefined) return path
  // Half of one is what a death left.
  await Promise.all([removeIfExists(path), removeIfExists(`${path}.pub`)])
  await makeDirectory(home.keys, 0o700)
  await spawnChecked(spawn, ['/usr/bin/ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'ai-infra backup', '-f', path], {
    env: minimalEnvironment,
  })
  return path
}
