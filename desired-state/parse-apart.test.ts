import { expect, test } from 'bun:test'
import { spawnBytes } from '../runtime/os/spawn.ts'
import type { ParsedDomains } from './documents/domains.ts'
import { recent } from './git/recent.ts'
import { parseTree } from './parse.ts'
import { parseApart, parseAside } from './parse-apart.ts'
import { mistakesIn, treeOf } from './testing/tree.ts'

const sites = (count: number) =>
  `domains:\n${Array.from({ length: count }, (_, at) => `  s${at}.example.com: { root: s${at} }\n`).join('')}`
const stored = (text: string) => treeOf({ 'domains.yaml': text }).map(entry => ({ ...entry, hash: 'a' }))

/** Counts the processes that parsing starts. */
function counted() {
  const commands: (readonly string[])[] = []
  const run: typeof spawnBytes = (argv, options) => {
    commands.push(argv)
    return spawnBytes(argv, options)
  }
  return { commands, run }
}

test('large documents are parsed in a process of their own, with the same result, and not again while they stay', async () => {
  const { commands, run } = counted()
  const cache = recent<ParsedDomains>(2)
  const entries = stored(sites(2_000))
  const first = await parseAside(entries, 'one', cache, run)
  expect(first).toEqual(parseTree(entries, 'one'))
  expect(commands.map(argv => argv.slice(1, 3))).toEqual([['--smol', '--no-env-file']])
  expect(await parseAside(entries, 'two', cache, run)).toMatchObject({ ok: true, state: { revision: 'two' } })
  expect(commands.length).toBe(1)
})

test('mistakes in a large document come back with their places', async () => {
  const entries = stored(`${sites(2_000)}  A.example.com: { root: a }\n`)
  const result = await parseAside(entries, '', recent<ParsedDomains>(2), spawnBytes)
  expect(result).toMatchObject({ ok: false, mistakes: [{ file: 'domains.yaml', line: 2_002, column: 3 }] })
})

test('small documents need no process', async () => {
  const { commands, run } = counted()
  expect(await parseAside(stored(sites(10)), '', recent<ParsedDomains>(2), run)).toMatchObject({ ok: true })
  expect(commands).toEqual([])
})

test('a document that takes too long is refused with a sentence', async () => {
  const apart = parseApart({ entries: stored('['.repeat(1_000_000)), revision: '' }, spawnBytes, 5)
  await expect(apart).rejects.toThrow('these documents cannot be read within 0.005 s')
})

test('too many domains, agents or lines are one mistake, found before each of them is looked at', () => {
  expect(mistakesIn({ 'domains.yaml': sites(10_001) })).toEqual([
    'domains.yaml:1:1: domains has 10001 entries, and may have 10000: remove some',
  ])
  const agents = Array.from({ length: 65 }, (_, at) => `  a${at}: {}\n`).join('')
  expect(mistakesIn({ 'agents.yaml': `agents:\n${agents}` })).toEqual([
    'agents.yaml:1:1: agents has 65 entries, and may have 64: remove some',
  ])
  expect(mistakesIn({ 'domains.yaml': `domains:${'\n'.repeat(100_000)}` })).toEqual([
    'domains.yaml:100001:1: the file has more than 100000 lines: remove some',
  ])
})
