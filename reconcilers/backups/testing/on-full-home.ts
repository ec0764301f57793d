import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../runtime/os/clock.ts'
import { makeDirectory } from '../../../runtime/os/files.ts'
import { homeAt } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { findPostgres } from '../../../runtime/services/postgres-program.ts'
import { byHand, roomOver, storeOf } from './room-over.ts'

/** Runs inside a namespace where `small`, the home, is on a small disk, and prints how each run ended: bun on-full-home.ts DATABASE SMALL REPOSITORY */
const [database = '', small = '', repository = ''] = process.argv.slice(2)
const home = homeAt(small)
const running = homeAt(database)
const fields = 'password: "secret:BACKUP_PASSWORD", what: [sites, memory]'
const source = {
  ...{ home, spawn, appliance: 'one', environment: [], postgres: () => findPostgres(running) },
  address: { socketFolder: running.postgresSockets, database: 'ai_infrastructure' },
}
const over = roomOver(
  ...([home, storeOf(running), `backups:\n  here: { repository: ${repository}, ${fields} }\n`] as const),
  { source, clock: systemClock, log: silentLog },
  byHand,
)
await over.converge()
await over.room.start()
const fill = async () => {
  await makeDirectory(home.memory)
  const { code } = await spawn(['dd', 'if=/dev/zero', `of=${join(home.root, 'filler')}`, 'bs=64k'])
  if (code === 0) throw new Error('the disk did not become full')
}
await makeDirectory(home.memory)
await Bun.write(join(home.memory, 'lesson.md'), 'a lesson')
const first = await over.done('run', 'here')
await fill()
const full = await over.done('run', 'here')
await rm(join(home.root, 'filler'))
const again = await over.done('run', 'here')
const into = join(home.backups, 'restored', 'here')
const restored = await over.done('restore', 'here', { into })
process.stdout.write(JSON.stringify([first, full, again, restored]))
process.exit(0)
