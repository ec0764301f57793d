import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Spawn, spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { listFiles } from './git-source.ts'

let cache: string
const { signal } = new AbortController()
const git = async (stdin: string, ...words: readonly string[]) =>
  (await spawnChecked(spawn, ['git', '-C', cache, ...words], { stdin })).trim()
const folder = (names: number, entry: string) =>
  git(Array.from({ length: names }, (_, at) => `${entry}\t${'long'.repeat(50)}${at}\n`).join(''), 'mktree')

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'git-source-'))
  await git('', 'init', '--quiet', '--bare')
})
afterAll(() => rm(cache, { recursive: true }))

test('a repository full of links is refused before one of them is read', async () => {
  const tree = await folder(501, `120000 blob ${await git('x', 'hash-object', '-w', '--stdin')}`)
  let started = 0
  const counting: Spawn = (argv, options) => {
    started += 1
    return spawn(argv, options)
  }
  await expect(listFiles(counting, cache, tree, signal)).rejects.toMatchObject({
    kind: 'stalled',
    message: 'it has 501 links; 500 are allowed',
  })
  expect(started).toBe(1)
})

test('a few objects that stand for millions of files are refused, and not tried again', async () => {
  let tree = await folder(10, `100644 blob ${await git('x', 'hash-object', '-w', '--stdin')}`)
  for (let depth = 0; depth < 6; depth++) tree = await folder(10, `040000 tree ${tree}`)
  await expect(listFiles(spawn, cache, tree, signal)).rejects.toMatchObject({
    kind: 'stalled',
    message: 'its files cannot be listed; 100000 are allowed',
  })
}, 60_000)
