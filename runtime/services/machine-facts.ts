import { access, constants, statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { explain, systemCode } from '../os/errors.ts'
import { readTextIfExists, statIfExists } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { describeHolder, portHolder } from '../os/listeners.ts'
import { lockHolder } from '../os/lock.ts'
import { workingFolder } from '../os/process.ts'
import { minimalEnvironment, spawn } from '../os/spawn.ts'
import { userName } from '../os/user.ts'
import { nginxMasters } from './nginx-process.ts'
import { installedPostgres } from './postgres-program.ts'

/** The folder on the way to the home that is in the way, and which right on it is missing. */
export interface Obstacle {
  readonly folder: string
  readonly lacks: 'pass' | 'write'
}

/** What the preflight asks about a machine; nothing here changes it. */
export interface MachineFacts {
  user(): string
  /** The variables of /etc/os-release. */
  osRelease(): Promise<Readonly<Record<string, string>>>
  /** Bytes of memory that we may use at most: the machine's, or the limit of the container. */
  memory(): Promise<number>
  /** Bytes free for us on the disk of a folder that need not exist yet. */
  freeBytes(folder: string): Promise<number>
  obstacleTo(folder: string): Promise<Obstacle | undefined>
  /** Who listens on a port, for a person; undefined when it is free, a process of this home has it, or this home's runtime runs. */
  stranger(port: number, home: Home): string | undefined
  /** The version in what a command prints; undefined when it cannot be run. */
  version(argv: readonly string[]): Promise<string | undefined>
  /** The newest installed major version. */
  postgresVersion(): Promise<string | undefined>
  /** What bubblewrap says when it may not make a sandbox; undefined when it may. */
  sandboxRefusal(): Promise<string | undefined>
  /** Ubuntu from 24.04 on allows user namespaces only to programs whose AppArmor profile says so. */
  restrictsUserNamespaces(): Promise<boolean>
}

export const machineFacts: MachineFacts = {
  user: () => userName(),
  osRelease: async () => parseOsRelease((await readTextIfExists('/etc/os-release')) ?? ''),
  async memory() {
    const limit = Number((await readTextIfExists('/sys/fs/cgroup/memory.max'))?.trim())
    return Number.isFinite(limit) && limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  },
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(await nearestExisting(folder))
    return bavail * bsize
  },
  obstacleTo: findObstacle,
  stranger(port, home) {
    const holder = lockHolder(join(home.run, 'runtime.lock')) === undefined ? portHolder(port) : undefined
    if (holder === undefined) return undefined
    // As a unit nginx holds a capability that we lack, so its open sockets are hidden from us; its title is not.
    const ours = holder === 'hidden' ? nginxMasters(home).length > 0 : `${workingFolder(holder.pid)}/`.startsWith(`${home.root}/`)
    return ours ? undefined : describeHolder(holder)
  },
  async version(argv) {
    const printed = await tryToRun(argv)
    return typeof printed === 'string' ? undefined : parseVersion(printed.stdout + printed.stderr)
  },
  postgresVersion: async () => (await installedPostgres())[0]?.major.toString(),
  async sandboxRefusal() {
    const ran = await tryToRun(['bwrap', '--unshare-user', '--ro-bind', '/', '/', 'true'])
    if (typeof ran === 'string') return ran
    return ran.code === 0 ? undefined : ran.stderr.trim()
  },
  restrictsUserNamespaces: async () =>
    (await readTextIfExists('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'))?.trim() === '1',
}

/** The variables of a file in the form of os-release(5). */
export function parseOsRelease(text: string): Record<string, string> {
  const lines = text.matchAll(/^([A-Z_]+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*))$/gm)
  return Object.fromEntries([...lines].map(([, name, double, single, bare]) => [name, double ?? single ?? bare ?? '']))
}

/** `3.3a` from `tmux 3.3a`: the first number with a dot. */
export const parseVersion = (text: string) => /\d+(?:\.\d+)+/.exec(text)?.[0]

/** Compares number by number, so that 1.9 is older than 1.22. */
export function atLeast(version: string, oldest: string): boolean {
  const have = version.split('.').map(Number)
  for (const [index, least] of oldest.split('.').map(Number).entries()) {
    const part = have[index] ?? 0
    if (part !== least) return part > least
  }
  return true
}

async function findObstacle(folder: string): Promise<Obstacle | undefined> {
  const existing = await nearestExisting(folder)
  for (const part of pathsTo(existing)) if (!(await may(part, constants.X_OK))) return { folder: part, lacks: 'pass' }
  return (await may(existing, constants.W_OK)) ? undefined : { folder: existing, lacks: 'write' }
}

/** The folder itself, or the deepest one above it that we can see. */
async function nearestExisting(folder: string): Promise<string> {
  let path = folder
  while (path !== '/' && !(await seen(path))) path = dirname(path)
  return path
}

async function seen(path: string): Promise<boolean> {
  try {
    return (await statIfExists(path)) !== undefined
  } catch (error) {
    if (systemCode(error) === 'EACCES') return false
    throw error
  }
}

function pathsTo(folder: string): string[] {
  const names = folder.split('/').filter(name => name !== '')
  return ['/', ...names.map((_, index) => join('/', ...names.slice(0, index + 1)))]
}

const may = (path: string, right: number): Promise<boolean> =>
  access(path, right).then(
    () => true,
    () => false,
  )

async function tryToRun(argv: readonly string[]) {
  try {
    return await spawn(argv, { env: minimalEnvironment, timeout: 10_000 })
  } catch (error) {
    return explain(error)
  }
}
