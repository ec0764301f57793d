import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { divideOwnCgroup, ownCgroup, sessionGroup } from '../os/cgroup.ts'
import { delegatedCgroup, openCommandGroup, removeOrphanedGroups } from './cgroup.ts'
import { limited } from './limits.ts'

setDefaultTimeout(120_000)

const limits = { seconds: 20, outputBytes: 2000, memoryMebibytes: 128, fileMebibytes: 1000, processes: 40 }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cg-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The files of a cgroup, as systemd delegates one. */
async function unitWith(name: string, controllers: string): Promise<string> {
  const unit = join(folder, name)
  await mkdir(join(unit, sessionGroup), { recursive: true })
  await writeFile(join(unit, 'cgroup.controllers'), controllers)
  for (const file of ['cgroup.procs', 'cgroup.subtree_control', `${sessionGroup}/cgroup.procs`])
    await writeFile(join(unit, file), '')
  return unit
}

test('the own cgroup is found where it is mounted, also in a machine that has the older kind beside it', async () => {
  const proc = join(folder, 'proc')
  await mkdir(proc)
  await writeFile(join(proc, 'cgroup'), '4:memory:/x\n0::/ai.slice/ai-infra-tmux.service/session\n')
  await writeFile(join(proc, 'mountinfo'), '59 49 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n')
  expect(ownCgroup(proc)).toBe('/sys/fs/cgroup/unified/ai.slice/ai-infra-tmux.service/session')
  await writeFile(join(proc, 'mountinfo'), '59 49 0:37 /other /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n')
  expect(ownCgroup(proc)).toBeUndefined()
  expect(ownCgroup(join(folder, 'nowhere'))).toBeUndefined()
})

test('a delegated cgroup is divided, and one without both controllers is left as it is', async () => {
  const unit = await unitWith('delegated', 'cpu memory pids\n')
  expect(divideOwnCgroup(unit, 42)).toBe(true)
  expect(await readFile(join(unit, sessionGroup, 'cgroup.procs'), 'utf8')).toBe('42')
  expect(await readFile(join(unit, 'cgroup.subtree_control'), 'utf8')).toBe('+memory +pids')
  const other = await unitWith('other', 'hugetlb\n')
  expect(divideOwnCgroup(other, 42)).toBe(false)
  expect(await readFile(join(other, 'cgroup.subtree_control'), 'utf8')).toBe('')
  expect(divideOwnCgroup(undefined)).toBe(false)
})

test('commands are counted by the kernel only where memory and pids are passed on to us', async () => {
  const unit = await unitWith('counting', 'memory pids\n')
  expect(delegatedCgroup(join(unit, sessionGroup))).toBeUndefined()
  await writeFile(join(unit, 'cgroup.subtree_control'), 'memory pids\n')
  expect(delegatedCgroup(join(unit, sessionGroup))).toBe(unit)
  expect(delegatedCgroup(unit)).toBeUndefined()
})

test('a command gets a cgroup with its limits, and says which it met', async () => {
  const unit = await unitWith('limits', 'memory pids\n')
  const group = openCommandGroup(unit, limits)
  const [name = ''] = (await readdir(unit)).filter(one => one.startsWith('command-'))
  const read = (file: string) => readFile(join(unit, name, file), 'utf8')
  expect([
    await read('memory.max'),
    await read('memory.oom.group'),
    await read('memory.swap.max'),
    await read('pids.max'),
  ]).toEqual([String(128 * 2 ** 20), '1', '0', '40'])
  expect(group.enter).toBe(`echo 0 > '${join(unit, name, 'cgroup.procs')}' || exit 125; `)
  expect(group.met()).toEqual([])
  await writeFile(join(unit, name, 'memory.events'), 'low 0\nmax 7\noom 1\noom_kill 2\n')
  await writeFile(join(unit, name, 'pids.events'), 'max 3\n')
  expect(group.met()).toEqual([
    'it needed more than the 128 MiB of memory that it may hold (max_memory_mb)',
    'it wanted more than 40 processes at once',
  ])
  group.kill()
  expect(await read('cgroup.kill')).toBe('1')
})

test('what a killed agent left is ended, and what a living one runs is not', async () => {
  const unit = await unitWith('orphans', 'memory pids\n')
  for (const name of [`command-${process.pid}-aa`, 'command-4194304999-bb']) await mkdir(join(unit, name))
  await removeOrphanedGroups(unit).catch(() => undefined)
  expect(await Bun.file(join(unit, `command-${process.pid}-aa`, 'cgroup.kill')).exists()).toBe(false)
  expect(await Bun.file(join(unit, 'command-4194304999-bb', 'cgroup.kill')).exists()).toBe(true)
})

test('a line of a command has either limits of its own or those of its cgroup', () => {
  expect(limited(['x'], limits, undefined)).toEqual(['prlimit', '--fsize=1048576000', '--core=0', '--', 'x'])
  expect(limited(['x'], limits, 7)).toEqual([
    ...['prlimit', '--data=134217728', '--nproc=47', '--fsize=1048576000', '--core=0', '--', 'x'],
  ])
})

/** Where the tests run in a unit like that of the agents (`Delegate=memory pids`, divided). */
const real = delegatedCgroup()

test.if(real !== undefined)(
  'the kernel ends a command that holds too much, all of it, and what left its session',
  async () => {
    const unit = real ?? ''
    const few = { ...limits, memoryMebibytes: 48 }
    const within = async (line: string) => {
      const group = openCommandGroup(unit, few)
      const child = Bun.spawn(['bash', '-c', `${group.enter}${line}`], { stdout: 'ignore', stderr: 'ignore' })
      await child.exited
      const met = group.met()
      group.kill()
      await group.remove()
      return met
    }
    const memory = ['it needed more than the 48 MiB of memory that it may hold (max_memory_mb)']
    const many = 'for i in 1 2 3; do (head -c 24m /dev/zero | tail -c 23m | sleep 20) & done; wait'
    for (const line of ['head -c 90m /dev/zero | tail | wc -c', 'head -c 90m /dev/zero > /dev/shm/x; echo over', many])
      expect([line, await within(line)]).toEqual([line, memory])
    await rm('/dev/shm/x', { force: true })
    expect(await within("perl -e 'for (1..60) { if ((fork // 1) == 0) { sleep 1; exit } }'")).toEqual([
      'it wanted more than 40 processes at once',
    ])
    expect(await within('(setsid sleep 4711 &); true')).toEqual([])
    expect((await readdir(unit)).filter(name => name.startsWith('command-'))).toEqual([])
  },
  300_000,
)
