import { realpath, rm, writeFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { transportOf } from '../../desired-state/documents/upstream.ts'
import type { Remote } from '../../desired-state/git/remote.ts'
import type { UpstreamRepository } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'

export interface RemoteDeps {
  readonly home: Pick<Home, 'root' | 'run'>
  /** The value of `secret:NAME`; throws `waiting` when it is not there. */
  readonly secret: (reference: string) => Promise<string>
  /** Takes out what is secret: the other side chooses its words, and it has our token. */
  readonly redact: (text: string) => string
}

/** Gives Git what it needs to reach the upstream for as long as `use` takes; of its secrets nothing stays on the disk. */
export async function withRemote<T>(
  deps: RemoteDeps,
  declared: UpstreamRepository,
  use: (remote: Remote) => Promise<T>,
): Promise<T> {
  try {
    return await withAccess(deps, declared, use)
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    const { kind, message, subject, hint } = error
    throw new ApplianceError(kind, deps.redact(message), {
      ...(subject !== undefined && { subject }),
      ...(hint !== undefined && { hint }),
    })
  }
}

async function withAccess<T>(
  { home, secret }: Omit<RemoteDeps, 'redact'>,
  { url, token, key, user, known_hosts = [] }: UpstreamRepository,
  use: (remote: Remote) => Promise<T>,
): Promise<T> {
  const transport = transportOf(url)
  if (transport === 'path') {
    await refuseOwn(home.root, url)
    return use({ url, transport, env: {} })
  }
  if (transport === 'http')
    return use({ url, transport, env: token === undefined ? {} : tokenEnvironment(url, user, await secret(token)) })
  const folder = sshFolder(home)
  try {
    await removeOldKey(home)
    await makeDirectory(folder, 0o700)
    const text = key === undefined ? '' : await secret(key)
    await writeFile(join(folder, 'key'), `${text.trim()}\n`, { mode: 0o600 })
    await writeFile(join(folder, 'known_hosts'), `${known_hosts.join('\n')}\n`, { mode: 0o600 })
    await writeFile(join(folder, 'config'), sshConfiguration, { mode: 0o600 })
    return await use({ url, transport, env: { ...sshEnvironment, AI_INFRA_SSH: folder } })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const sshFolder = ({ run }: Pick<Home, 'run'>) => join(run, 'upstream-ssh')

/** The key of a run that was killed while it spoke over ssh; a start takes it away, whatever is declared by then. */
export const removeOldKey = (home: Pick<Home, 'run'>): Promise<void> => rm(sshFolder(home), { recursive: true, force: true })

/** In the environment of Git alone: arguments are seen by everybody on the machine. Sent to this host and to no other. */
export function tokenEnvironment(url: string, user: string, token: string): Readonly<Record<string, string>> {
  const credentials = Buffer.from(`${user}:${token}`).toString('base64')
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${credentials}`,
  }
}

/** A constant for the shell that Git starts; what differs comes in as a variable. */
const sshEnvironment = { GIT_SSH_COMMAND: 'ssh -F "$AI_INFRA_SSH/config"', GIT_SSH_VARIANT: 'ssh' }

/** The pinned host key, our key, and nothing of this machine. */
export const sshConfiguration = `Host *
  IdentityFile "\${AI_INFRA_SSH}/key"
  UserKnownHostsFile "\${AI_INFRA_SSH}/known_hosts"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  BatchMode yes
  ClearAllForwardings yes
  ForwardAgent no
  PermitLocalCommand no
  ControlMaster no
  ControlPath none
  ConnectTimeout 10
  ServerAliveInterval 10
  ServerAliveCountMax 3
`

/** Agents write below the home, and hooks of a repository there would run as us. */
async function refuseOwn(root: string, url: string): Promise<void> {
  const [home, path] = await Promise.all([realpath(root), realpath(url).catch(() => url)])
  if (path !== home && !path.startsWith(`${home}${sep}`)) return
  throw new ApplianceError('stalled', 'url is a folder of the appliance itself', { hint: 'name a repository elsewhere' })
}

/** The address as a person says it: `github.com/me/config`; a folder of the server stays as it is, to be found there. */
export const shownUrl = (url: string): string =>
  url.startsWith('/') ? url : url.replace(/^https:\/\//, '').replace(/\.git$/, '')
