import { join } from 'node:path'
import type { BackupLocation } from '../../../desired-state/state.ts'
import { makeDirectory, writeFileAtomic } from '../../../runtime/os/files.ts'
import { minimalEnvironment } from '../../../runtime/os/spawn.ts'

/** What opens one repository. The values are resolved at the last moment, and nothing here is kept. */
export interface ResticAccess {
  readonly location: BackupLocation
  readonly password: string
  /** For s3 and rest; `session` goes with keys of AWS that are lent for a time. */
  readonly keys: { readonly access: string; readonly secret: string; readonly session?: string } | undefined
  /** Files of ssh, for sftp. */
  readonly ssh: { readonly identity: string; readonly knownHosts: string } | undefined
  /** Folder for what restic may lose. */
  readonly cache: string
  /** Folder for its temporary files. */
  readonly temporary: string
}

/**
 * The environment of one restic, which carries the password: it is in no command line and in no file. `AWS_` only for a
 * bucket; a REST server gets user and password in the address, the one way that restic 0.14 knows.
 */
export function resticEnvironment(access: ResticAccess): Record<string, string> {
  const { location, password, keys, cache, temporary } = access
  return {
    ...minimalEnvironment,
    HOME: cache,
    TZ: 'UTC',
    TMPDIR: temporary,
    RESTIC_CACHE_DIR: cache,
    RESTIC_REPOSITORY: location.type === 'rest' && keys !== undefined ? withUser(location.repository, keys) : location.repository,
    RESTIC_PASSWORD: password,
    ...(location.type === 's3' && keys !== undefined
      ? { AWS_ACCESS_KEY_ID: keys.access, AWS_SECRET_ACCESS_KEY: keys.secret }
      : {}),
    ...(location.type === 's3' && keys?.session !== undefined ? { AWS_SESSION_TOKEN: keys.session } : {}),
    ...(location.type === 's3' && location.region !== undefined ? { AWS_DEFAULT_REGION: location.region } : {}),
  }
}

function withUser(repository: string, { access, secret }: { readonly access: string; readonly secret: string }): string {
  const url = new URL(repository.replace(/^rest:/, ''))
  url.username = encodeURIComponent(access)
  url.password = encodeURIComponent(secret)
  return `rest:${url.href}`
}

/** Options before the verb: how sftp is spoken. ssh asks nobody, knows one server, and does not see the password. */
export function resticOptions({ location, ssh }: ResticAccess): string[] {
  if (location.type !== 'sftp' || ssh === undefined) return []
  const command = [
    ...['/usr/bin/env', '-u', 'RESTIC_PASSWORD', '/usr/bin/ssh', '-F', '/dev/null', '-o', 'BatchMode=yes'],
    ...['-o', 'StrictHostKeyChecking=yes', '-o', 'IdentitiesOnly=yes', '-o', 'ConnectTimeout=20', '-o', 'ServerAliveInterval=15'],
    ...['-E', sshLog(ssh), '-o', `UserKnownHostsFile=${ssh.knownHosts}`, '-i', ssh.identity, '-p', String(location.port)],
    ...[`${location.user}@${location.host}`, '-s', 'sftp'],
  ]
  return ['-o', `sftp.command=${command.map(quoted).join(' ')}`]
}

/** Where ssh says why it ended: restic may be gone before it has passed that on. */
export const sshLog = ({ knownHosts }: { readonly knownHosts: string }): string => `${knownHosts}.log`

/** restic splits the words itself; no shell sees them. */
const quoted = (word: string) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`)

/** Writes the one key that the server of an sftp repository may have. */
export async function writeKnownHosts(
  folder: string,
  name: string,
  { host, port, hostKey }: { readonly host: string; readonly port: number; readonly hostKey: string },
): Promise<string> {
  await makeDirectory(folder, 0o700)
  const path = join(folder, `known-hosts-${name}`)
  await writeFileAtomic(path, `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}\n`, 0o600)
  return path
}
