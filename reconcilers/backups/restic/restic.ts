import { relative } from 'node:path'
import { z } from 'zod'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { makeDirectory, readTextIfExists, removeIfExists } from '../../../runtime/os/files.ts'
import type { Complained, Spawn } from '../../../runtime/os/spawn.ts'
import { type PairedCommand, spawnPair } from '../../../runtime/os/spawn-pair.ts'
import { type ResticAccess, resticEnvironment, resticOptions, sshLog } from './access.ts'
import { refusalOf, triesInVain } from './refusal.ts'

const snapshotShape = z.object({
  id: z.string(),
  time: z.string(),
  hostname: z.string().default(''),
  tags: z.array(z.string()).nullish(),
})

export interface Snapshot {
  readonly id: string
  readonly time: Date
  readonly hostname: string
  readonly tags: readonly string[]
}

export interface Stored {
  readonly snapshot: string
  readonly files: number
  /** Bytes that were looked at. */
  readonly bytes: number
  /** Bytes that were new. */
  readonly added: number
  /** What could not be read, one line each; empty when all was. */
  readonly unread: readonly string[]
}

const storedShape = z.object({
  message_type: z.literal('summary'),
  snapshot_id: z.string(),
  total_files_processed: z.number(),
  total_bytes_processed: z.number(),
  data_added: z.number(),
})

/** A file that went away while it was looked at (2) is no loss. */
const unreadShape = z
  .object({ message_type: z.literal('error'), item: z.string(), error: z.unknown() })
  .refine(({ error }) => !(typeof error === 'object' && error !== null && 'Err' in error && error.Err === 2))

export interface ResticLock {
  readonly time: Date
  readonly hostname: string
  readonly pid: number
}

const statsShape = z.object({ total_size: z.number(), total_file_count: z.number() })
/** Bytes: the last block of a file is half empty, and its name and inode take as much again. */
const block = 4_096

const lockShape = z.object({ time: z.string(), hostname: z.string(), pid: z.number() })

export interface SnapshotFacts {
  readonly tags: readonly string[]
  readonly time: Date
}

/** One repository, through the program restic. Every failure is a ResticRefusal. */
export interface Restic {
  init(): Promise<void>
  /** Id of the repository; throws `gone` when there is none. */
  identify(): Promise<string>
  snapshots(tag: string): Promise<readonly Snapshot[]>
  /** What a command prints, as one file; a command that fails leaves a snapshot, which belongs to no complete run. */
  storeOutput(command: PairedCommand, name: string, facts: SnapshotFacts): Promise<Stored>
  /** A folder without those below it; links are kept as links. */
  storeFolder(folder: string, without: readonly string[], facts: SnapshotFacts): Promise<Stored>
  /** Gives what a snapshot holds back to a folder; `ending` ends it as the signal of all that is done here does. */
  restore(snapshot: string, target: string, ending: AbortSignal): Promise<void>
  /** One file of a snapshot as the input of a command. */
  pour(snapshot: string, file: string, command: PairedCommand, ending: AbortSignal): Promise<void>
  /** Bytes that a snapshot takes on a disk when it is restored. */
  size(snapshot: string): Promise<number>
  forget(snapshots: readonly string[]): Promise<void>
  /** Structure, and so much of the packs. */
  check(percent: number): Promise<void>
  locks(): Promise<readonly ResticLock[]>
  /** Takes away locks whose owner is dead. */
  unlock(): Promise<void>
}

/** Milliseconds; longer is a server that hangs. */
const longest = 24 * 60 * 60_000
const soon = 5 * 60_000

export function createRestic(access: ResticAccess, spawn: Spawn, signal: AbortSignal): Restic {
  const env = resticEnvironment(access)
  /** Ends with whoever started it, even when that was killed. */
  const argv = (...words: readonly string[]) => [
    ...['/usr/bin/setpriv', '--pdeathsig', 'KILL', '/usr/bin/restic', '--quiet', ...resticOptions(access)],
    ...words,
  ]
  const folders = async () => {
    await makeDirectory(access.cache, 0o700)
    await makeDirectory(access.temporary, 0o700)
    if (access.ssh !== undefined) await removeIfExists(sshLog(access.ssh))
  }
  const sshWords = async () => (access.ssh === undefined ? '' : ((await readTextIfExists(sshLog(access.ssh))) ?? ''))
  const own = [access.temporary, access.cache]
  const run = async (
    words: readonly string[],
    options: { readonly timeout?: number; readonly cwd?: string; readonly ending?: AbortSignal } = {},
  ) => {
    await folders()
    return spawn(argv(...words), {
      env,
      cwd: options.cwd ?? access.cache,
      signal: options.ending === undefined ? signal : AbortSignal.any([signal, options.ending]),
      timeout: options.timeout ?? longest,
      maxOutput: 64 * 1024 * 1024,
      complained: impatient(),
    })
  }
  const done = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(words)
    if (code !== 0) throw refusalOf(words[0] ?? '', `${await sshWords()}\n${stderr}\n${stdout}`, own)
    return stdout
  }
  const tagged = ({ tags, time }: SnapshotFacts) => [
    ...tags.flatMap(tag => ['--tag', tag]),
    ...['--time', time.toISOString().slice(0, 19).replace('T', ' ')],
  ]

  return {
    async init() {
      await done('init')
    },
    async identify() {
      const { code, stdout, stderr } = await run(['cat', 'config', '--no-lock'], { timeout: soon })
      if (code !== 0) throw refusalOf('cat config', `${await sshWords()}\n${stderr}`, own)
      return z.object({ id: z.string() }).parse(JSON.parse(stdout)).id
    },
    async snapshots(tag) {
      const text = await done('snapshots', '--json', '--tag', tag)
      return (
        z
          .array(snapshotShape)
          .nullable()
          .parse(JSON.parse(text.trim() || 'null'))
          ?.map(({ id, time, hostname, tags }) => ({ id, time: new Date(time), hostname, tags: tags ?? [] })) ?? []
      )
    },
    async storeOutput(command, name, facts) {
      await folders()
      const into = argv('backup', '--json', '--stdin', '--stdin-filename', name, ...tagged(facts))
      const ended = await spawnPair(command, { argv: into, env, cwd: access.cache, complained: impatient() }, signal)
      if (ended.into.code !== 0) throw refusalOf('backup', `${ended.into.stderr}\n${messagesIn(ended.into.stdout)}`, own)
      if (ended.from.code !== 0) {
        const words = ended.from.stderr.trim().split('\n').slice(-2).join('; ')
        throw new ApplianceError('failed', `${command.argv[0]} ended with status ${ended.from.code}: ${words}`)
      }
      return storedIn(ended.into.stdout, ended.into.stderr)
    },
    async storeFolder(folder, without, facts) {
      const words = ['backup', '--json', ...without.flatMap(path => ['--exclude', literal(path)]), ...tagged(facts), '.']
      const { code, stdout, stderr } = await run(words, { cwd: folder })
      // 3: there is a snapshot, and some files could not be read.
      if (code !== 0 && code !== 3) throw refusalOf('backup', `${stderr}\n${messagesIn(stdout)}`, own)
      const stored = storedIn(stdout, stderr)
      return {
        ...stored,
        unread: [...new Set(stored.unread.map(path => (path.startsWith('/') ? relative(folder, path) : path)))],
      }
    },
    async restore(snapshot, target, ending) {
      const { code, stdout, stderr } = await run(['restore', snapshot, '--target', target, '--no-lock'], { ending })
      if (code !== 0) throw refusalOf('restore', `${await sshWords()}\n${stderr}\n${stdout}`, [...own, target])
    },
    async size(snapshot) {
      const text = await done('stats', '--json', '--mode', 'restore-size', '--no-lock', snapshot)
      const { total_size, total_file_count } = statsShape.parse(JSON.parse(text))
      return total_size + total_file_count * block
    },
    async pour(snapshot, file, command, ending) {
      await folders()
      const ended = await spawnPair(
        { argv: argv('dump', '--no-lock', snapshot, file), env, cwd: access.cache, complained: impatient() },
        command,
        AbortSignal.any([signal, ending]),
      )
      if (ended.from.code !== 0 && ended.into.code === 0) throw refusalOf('dump', ended.from.stderr, own)
      if (ended.into.code !== 0) {
        const words = ended.into.stderr.trim().split('\n').slice(-3).join('; ')
        throw new ApplianceError('failed', `${command.argv[0]} ended with status ${ended.into.code}: ${words}`)
      }
    },
    async forget(snapshots) {
      if (snapshots.length > 0) await done('forget', '--prune', ...snapshots)
    },
    async check(percent) {
      await done('check', ...(percent > 0 ? ['--read-data-subset', `${percent}%`] : []))
    },
    async locks() {
      const ids = (await done('list', 'locks', '--no-lock')).split('\n').filter(line => /^[0-9a-f]{64}$/.test(line))
      const locks: ResticLock[] = []
      for (const id of ids) {
        const { code, stdout } = await run(['cat', 'lock', id, '--no-lock'], { timeout: soon })
        // Taken away meanwhile, by whoever held it.
        if (code !== 0) continue
        const { time, hostname, pid } = lockShape.parse(JSON.parse(stdout))
        locks.push({ time: new Date(time), hostname, pid })
      }
      return locks
    },
    async unlock() {
      await done('unlock')
    },
  }
}

/** Ends restic when it tries what cannot become better: it takes its lock away, and the reason is said now. */
function impatient(): Complained {
  let last = ''
  let interrupted = false
  const decoder = new TextDecoder()
  return (piece, interrupt) => {
    // A second signal would end it before it has taken its lock away.
    if (interrupted) return
    last = (last + decoder.decode(piece, { stream: true })).slice(-16_384)
    if (!triesInVain(last)) return
    interrupted = true
    interrupt()
  }
}

/** A path as a pattern that matches nothing else. */
const literal = (path: string) => path.replace(/[\\*?[\]$]/g, '\\$&')

const linesOf = (text: string) => text.split('\n').filter(line => line !== '')

const messagesIn = (stdout: string) =>
  linesOf(stdout)
    .filter(line => line.includes('"error"'))
    .join('\n')

function storedIn(stdout: string, stderr: string): Stored {
  for (const line of linesOf(stdout).reverse()) {
    const found = storedShape.safeParse(parsed(line))
    if (!found.success) continue
    const { snapshot_id, total_files_processed, total_bytes_processed, data_added } = found.data
    const unread = linesOf(stderr).flatMap(each => unreadShape.safeParse(parsed(each)).data?.item ?? [])
    return { snapshot: snapshot_id, files: total_files_processed, bytes: total_bytes_processed, added: data_added, unread }
  }
  throw refusalOf('backup', stderr)
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
