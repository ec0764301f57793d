import { expect, test } from 'bun:test'
import { mkdtemp, readFile, rm, stat, truncate, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn, spawnBytes } from '../../runtime/os/spawn.ts'
import { gitEnvironment } from './command.ts'
import { configText, hooksFolder, initRepository } from './init.ts'
import { createRepository } from './repository.ts'

async function emptyHome() {
  const root = await mkdtemp(join(tmpdir(), 'ds-'))
  const home = { repository: join(root, 'desired-state.git'), keys: join(root, 'keys') }
  const git = (...args: string[]) => spawn(['git', ...args], { env: gitEnvironment(home.repository) })
  return { home, git, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

test('a new repository is whole for Git, private, and its hooks are the program', async () => {
  await using made = await emptyHome()
  await initRepository(made.home)
  expect(await made.git('fsck', '--strict')).toMatchObject({ code: 0 })
  expect((await made.git('config', 'core.hooksPath')).stdout.trim()).toBe(hooksFolder)
  expect((await made.git('config', 'core.fsync')).stdout.trim()).toBe('all')
  expect((await stat(made.home.repository)).mode & 0o777).toBe(0o700)
  expect((await made.git('ls-tree', '--name-only', 'main')).stdout.split('\n')).toContain('.schemas')
})

test('a second time changes nothing and starts no program', async () => {
  await using made = await emptyHome()
  await initRepository(made.home)
  const before = (await made.git('for-each-ref')).stdout
  await initRepository(made.home, hooksFolder, argv => {
    throw new Error(`started ${argv.join(' ')}`)
  })
  expect((await made.git('for-each-ref')).stdout).toBe(before)
})

test('what a crash left half made is completed, whichever command was the last', async () => {
  for (let last = 0; ; last++) {
    await using made = await emptyHome()
    let started = 0
    const dying: typeof spawnBytes = (argv, options) => {
      if (started === last) throw new Error('killed')
      started += 1
      return spawnBytes(argv, options)
    }
    const survived = await initRepository(made.home, hooksFolder, dying).then(
      () => true,
      () => false,
    )
    await initRepository(made.home)
    expect((await createRepository(made.home).history(10)).map(commit => commit.subject)).toEqual(['Starter state'])
    if (survived) break
    // Every command of the first start in turn would take half a minute; its first, some in the middle and its last matter.
    if (last > 2) last += 6
  }
}, 60_000)

test('a lock that a killed Git left keeps no commit out; one that is in use stays', async () => {
  await using made = await emptyHome()
  await initRepository(made.home)
  const [main, other] = ['main', 'other'].map(name => join(made.home.repository, 'refs', 'heads', `${name}.lock`))
  for (const lock of [main, other]) await writeFile(lock ?? '', '')
  await utimes(main ?? '', new Date(), new Date(Date.now() - 120_000))
  await initRepository(made.home)
  const repository = createRepository(made.home)
  const head = (await repository.head()) ?? ''
  const edits = new Map([['domains.yaml', 'domains:\n  a.example.com: { root: a }\n']])
  const result = await repository.edit(head, edits, { name: 'Ada', email: 'ada@example.com' }, 'one')
  expect(result.outcome).toBe('committed')
  expect((await stat(other ?? '')).isFile()).toBe(true)
})

test('an empty HEAD, a cut configuration and a lost folder are put right', async () => {
  await using made = await emptyHome()
  await initRepository(made.home)
  const head = await createRepository(made.home).head()
  await truncate(join(made.home.repository, 'HEAD'))
  await writeFile(join(made.home.repository, 'config'), '[core')
  await rm(join(made.home.repository, 'refs', 'tags'), { recursive: true })
  await initRepository(made.home)
  expect(await createRepository(made.home).head()).toBe(head)
  expect(await readFile(join(made.home.repository, 'config'), 'utf8')).toBe(configText(hooksFolder))
})

test('a damaged main is never replaced by the starter state', async () => {
  await using made = await emptyHome()
  await initRepository(made.home)
  const file = join(made.home.repository, 'refs', 'heads', 'main')
  const head = (await readFile(file, 'utf8')).trim()
  for (const damage of ['', 'nonsense\n', `${'1'.repeat(40)}\n`]) {
    await writeFile(file, damage)
    await expect(initRepository(made.home)).rejects.toThrow('main of the desired-state repository is damaged')
  }
  await writeFile(file, `${head}\n`)
  await unlink(join(made.home.repository, 'objects', head.slice(0, 2), head.slice(2)))
  await expect(initRepository(made.home)).rejects.toThrow('damaged')
})
