import { readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { password } from '../../reconcilers/backups/testing/room-over.ts'
import { explain } from '../../runtime/os/errors.ts'
import { homeAt } from '../../runtime/os/home.ts'
import { makeHome } from '../../runtime/os/home-folders.ts'
import { restoreAppliance } from '../restore.ts'

/** Runs inside a namespace where `disk` is small, and prints what came of each restore: bun restore-on-small-disk.ts SMALL LARGE DISK */
const [small = '', large = '', disk = ''] = process.argv.slice(2)

const restore = (repository: string, into: string, onStep: (name: string) => void = () => {}) =>
  restoreAppliance({
    ...{ repository, password, into, snapshot: undefined, keys: undefined, region: undefined, hostKey: undefined },
    ...{ identity: undefined, signal: new AbortController().signal, progress: () => {}, onStep },
  }).then(
    note => `${note?.name} is there`,
    (error: unknown) => explain(error),
  )
const free = async () => {
  const { bavail, bsize } = await statfs(disk)
  return bavail * bsize
}

/** Somebody else takes all that is left. */
const filler = join(disk, 'filler')
const all = String(await free())
const fill = () =>
  Bun.spawnSync(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=1M', `count=${all}`, 'iflag=count_bytes'], { stderr: 'ignore' })

const into = join(disk, 'home')
const full = await restore(small, into, step => (step === 'restored-files' ? fill() : undefined))
const left = await readdir(into, { recursive: true })
const started = await makeHome(homeAt(into)).then(
  () => 'it started',
  (error: unknown) => explain(error),
)
await rm(filler)
const again = await restore(small, into)
const back = await readdir(into)
await rm(into, { recursive: true })

let least = await free()
const watching = setInterval(() => void free().then(bytes => (least = Math.min(least, bytes))), 10)
const names = ['one', 'two']
const two = await Promise.all(names.map(name => restore(large, join(disk, name))))
clearInterval(watching)
for (const name of names) await rm(join(disk, name), { recursive: true, force: true })
const alone = await restore(large, join(disk, 'one'))
process.stdout.write(JSON.stringify({ full, left, started, again, back, two, least, alone }))
process.exit(0)
