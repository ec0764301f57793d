import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { homeAt } from '../../../runtime/os/home.ts'
import { placeReadyRepository } from './ready-repository.ts'
import { byHand, roomOver, storeOf } from './room-over.ts'

/** Runs inside a namespace where `disk` is small, and prints how three backups ended: bun on-full-disk.ts HOME DISK */
const [root = '', disk = ''] = process.argv.slice(2)
const home = homeAt(root)
const fields = 'password: "secret:BACKUP_PASSWORD", what: [sites, memory]'
const yaml = `backups:\n  small: { repository: ${join(disk, 'repository')}, ${fields} }\n`
await placeReadyRepository(join(disk, 'repository'))
const over = roomOver(home, storeOf(home), yaml, {}, byHand)
await over.converge()
await over.room.start()
const first = await over.done('run', 'small')
const large = join(home.memory, 'large')
await Bun.write(large, crypto.getRandomValues(Buffer.alloc(65_536)).toString('hex'))
await Bun.write(large, Buffer.concat(Array.from({ length: 80 }, () => crypto.getRandomValues(Buffer.alloc(65_536)))))
const full = await over.done('run', 'small')
await rm(large)
const again = await over.done('run', 'small')
process.stdout.write(JSON.stringify([first, full, again]))
process.exit(0)
