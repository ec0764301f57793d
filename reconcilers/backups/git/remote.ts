import { realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { GitBackupDeclaration } from '../../../desired-state/state.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { minimalEnvironment, type Spawn } from '../../../runtime/os/spawn.ts'
import { placeOfUrl } from '../../../runtime/secrets/place.ts'
import { ensureIdentity, type SecretOf } from '../open.ts'
import { writeKnownHosts } from '../restic/access.ts'
import { ResticRefusal } from '../restic/refusal.ts'

export interface Remote {
  readonly address: string
  /** Of each Git that speaks with it; a token is in here and in no command line. */
  readonly env: Readonly<Record<string, string>>
}

export interface RemoteDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly secret: SecretOf
}

/** How a Git of ours speaks with the repository elsewhere. */
export async function openRemote({ home, spawn, secret }: RemoteDeps, declaration: GitBackupDeclaration): Promise<Remote> {
  const { name, repository, token, host_key: hostKey } = declaration
  if (repository.startsWith('/')) await refuseOwn(home, repository)
  const settings: (readonly [string, string])[] = [
    ['core.hooksPath', '/dev/null'],
    ['protocol.allow', 'never'],
    ...['https', 'http', 'ssh', 'file'].map(each => [`protocol.${each}.allow`, 'always'] as const),
    ['http.followRedirects', 'false'],
  ]
  if (token !== undefined) {
    const value = Buffer.from(`x-access-token:${await secret(token, `backup ${name}`, placeOfUrl(repository, 'git'))}`).toString(
      'base64',
    )
    settings.push(['http.extraHeader', `Authorization: Basic ${value}`])
  }
  return {
    address: repository,
    env: { ...gitEnvironment, ...configuration(settings), ...(await sshEnvironment(home, spawn, name, repository, hostKey)) },
  }
}

/** Agents write below the home, and what the configuration of a repository there names would run as us. */
async function refuseOwn({ root }: Home, repository: string): Promise<void> {
  const [home, path] = await Promise.all([realpath(root), realpath(repository).catch(() => repository)])
  if (path !== home && !path.startsWith(`${home}${sep}`)) return
  throw new ApplianceError('stalled', `${repository} is in the appliance itself`, { hint: 'name a repository elsewhere' })
}

/** A repository on this machine would run its hooks as us: Git gives it no setting of ours by the environment. */
export const withoutHooks = ({ address }: Remote): readonly string[] =>
  address.startsWith('/') ? ['--receive-pack=git -c core.hooksPath=/dev/null receive-pack'] : []

const gitEnvironment = {
  ...minimalEnvironment,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
}

const configuration = (settings: readonly (readonly [string, string])[]): Record<string, string> =>
  Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(settings.length)],
    ...settings.flatMap(([key, value], at) => [
      [`GIT_CONFIG_KEY_${at}`, key],
      [`GIT_CONFIG_VALUE_${at}`, value],
    ]),
  ])

async function sshEnvironment(
  home: Home,
  spawn: Spawn,
  name: string,
  repository: string,
  hostKey: string | undefined,
): Promise<Record<string, string>> {
  if (hostKey === undefined || !repository.startsWith('ssh:')) return {}
  const url = new URL(repository)
  const server = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 22), hostKey }
  return {
    GIT_SSH: join(import.meta.dir, 'ssh'),
    GIT_SSH_VARIANT: 'ssh',
    AI_INFRA_IDENTITY: await ensureIdentity(home, spawn),
    AI_INFRA_KNOWN_HOSTS: await writeKnownHosts(home.backups, name, server),
  }
}

/** Why a Git that spoke with the repository elsewhere did not succeed. */
export function remoteRefusal({ address }: Remote, printed: string): ApplianceError {
  const words = printed
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('hint:'))
    .slice(-2)
    .join('; ')
    .slice(0, 400)
  const refuse = (
    reason: ConstructorParameters<typeof ResticRefusal>[0],
    kind: 'stalled' | 'failed',
    message: string,
    hint: string,
  ) => new ResticRefusal(reason, kind, `${message}: ${words}`, hint)
  if (/non-fast-forward|fetch first|\[rejected\]/i.test(printed))
    return refuse(
      'corrupt',
      'stalled',
      `${address} has commits that are not from here, and nothing is ever forced`,
      'name an empty repository or another branch, or bring it back yourself',
    )
  if (
    /Authentication failed|could not read Username|HTTP 40[13]|error: 40[13]|Permission denied \(publickey|Invalid username or password/i.test(
      printed,
    )
  )
    return refuse(
      'no-entry',
      'stalled',
      `${address} lets us not in`,
      'set the token anew, with the right to write contents; for ssh add what backup key shows there',
    )
  if (/Host key verification failed/i.test(printed))
    return refuse('no-entry', 'stalled', 'the server shows another key than host_key says', 'find out why first')
  if (/not found|does not exist|does not appear to be a git repository/i.test(printed))
    return refuse('gone', 'stalled', `there is no repository at ${address}`, 'make an empty one there; nothing is made by itself')
  if (/Could not resolve host|Failed to connect|Connection refused|timed out|Connection reset/i.test(printed))
    return refuse('unreachable', 'failed', `${address} does not answer`, 'it is tried again by itself')
  return refuse('failed', 'failed', `${address} did not take the push`, 'it is tried again')
}
