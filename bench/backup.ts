import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startScratchPostgres } from '../reconcilers/backups/restore/scratch-postgres.ts'
import { dumpEnvironment, loadCommand } from '../reconcilers/backups/source/dump.ts'
import { backupRig } from '../reconcilers/backups/testing/rig.ts'
import { password, roomOver } from '../reconcilers/backups/testing/room-over.ts'
import { type Home, homeAt } from '../runtime/os/home.ts'
import { minimalEnvironment, spawn, spawnChecked } from '../runtime/os/spawn.ts'
import { spawnPair } from '../runtime/os/spawn-pair.ts'
import { findPostgres } from '../runtime/services/postgres-program.ts'
import { type Figure, median, timed } from './report.ts'

const files = 250
const bytesEach = 4_000_000
const rounds = 3

/** One more backup of a home with 1 GB that has not changed, and its restore; by hand: the same with restic, pg_dump and pg_restore. */
export async function benchBackup(): Promise<Figure> {
  await using rig = await backupRig()
  await fill(join(rig.home.www, 'large'))
  const fields = 'password: "secret:BACKUP_PASSWORD", drill: never, schedule: "0 2 1 1 *"'
  const over = roomOver(rig.home, rig.store, `backups:\n  nightly: { repository: ${rig.repository()}, ${fields} }\n`)
  await over.converge()
  await over.room.start()
  await mustSucceed(over.done('run'))
  const hand = byHand(rig.home, rig.repository('by-hand'))
  await hand.init()
  await hand.backup()

  const times: Record<'backup' | 'restore' | 'handBackup' | 'handRestore', number[]> = {
    backup: [],
    restore: [],
    handBackup: [],
    handRestore: [],
  }
  for (let round = 0; round < rounds; round++) {
    const into = await mkdtemp(join(tmpdir(), 'bb-'))
    times.backup.push(await timed(() => mustSucceed(over.done('run'))))
    times.handBackup.push(await timed(hand.backup))
    times.restore.push(await timed(() => mustSucceed(over.done('restore', 'nightly', { into: join(into, 'ours') }))))
    times.handRestore.push(await timed(() => hand.restore(join(into, 'hand'))))
    await rm(into, { recursive: true, force: true })
  }
  await over.room.stop()
  const [backup, restore] = [median(times.backup), median(times.restore)]
  const [handBackup, handRestore] = [median(times.handBackup), median(times.handRestore)]
  return {
    name: 'backup of 1 GB unchanged and restore, against restic by hand',
    unit: '×',
    value: (backup + restore) / (handBackup + handRestore),
    bound: 1.2,
    better: 'lower',
    detail: { 'backup ms': backup, 'restore ms': restore, 'backup by hand ms': handBackup, 'restore by hand ms': handRestore },
  }
}

/** What cannot be compressed, so that it is a gigabyte in the repository too. */
async function fill(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let index = 0; index < files; index++) {
    const bytes = Buffer.alloc(bytesEach)
    for (let at = 0; at < bytesEach; at += 50_000) crypto.getRandomValues(bytes.subarray(at, at + 50_000))
    await writeFile(join(folder, String(index)), bytes)
  }
}

async function mustSucceed(run: Promise<{ readonly outcome: string; readonly message: string }>): Promise<void> {
  const { outcome, message } = await run
  if (outcome !== 'succeeded') throw new Error(message)
}

/** What a person would write into a script. */
function byHand(home: Home, repository: string) {
  const env = {
    ...minimalEnvironment,
    HOME: home.root,
    RESTIC_CACHE_DIR: `${repository}-cache`,
    RESTIC_PASSWORD: password,
    RESTIC_REPOSITORY: repository,
  }
  const options = { env, timeout: 600_000 }
  const address = { socketFolder: home.postgresSockets, database: 'ai_infrastructure' }
  const excluded = ['postgres', 'run', 'backups', 'logs'].flatMap(name => ['--exclude', join(home.root, name)])
  return {
    init: () => spawnChecked(spawn, ['restic', 'init'], options),
    async backup() {
      const { folder } = await findPostgres(home)
      const dump = { argv: [join(folder, 'pg_dump'), '--format=custom', '--compress=0'], env: dumpEnvironment(address) }
      const { into } = await spawnPair(
        dump,
        { argv: ['restic', 'backup', '--quiet', '--stdin', '--stdin-filename', 'postgres.dump'], env },
        new AbortController().signal,
      )
      if (into.code !== 0) throw new Error(into.stderr)
      await spawnChecked(spawn, ['restic', 'backup', '--quiet', ...excluded, home.root], options)
    },
    async restore(folder: string) {
      const restored = homeAt(folder)
      await spawnChecked(
        spawn,
        ['restic', 'restore', '--quiet', 'latest', '--path', home.root, '--target', join(folder, 'files')],
        options,
      )
      const program = await findPostgres(restored)
      const { signal } = new AbortController()
      await using _running = await startScratchPostgres(restored, program, spawn, signal)
      const database = { socketFolder: restored.postgresSockets, database: 'ai_infrastructure' }
      const { into } = await spawnPair(
        { argv: ['restic', 'dump', '--quiet', '--path', '/postgres.dump', 'latest', '/postgres.dump'], env },
        { argv: loadCommand(program), env: dumpEnvironment(database) },
        signal,
      )
      if (into.code !== 0) throw new Error(into.stderr)
    },
  }
}
