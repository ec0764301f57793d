import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Appliance, startedAppliance } from './support/appliance.ts'
import type { Clone, PushResult } from './support/clone.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let clone: Clone
let before: Awaited<ReturnType<typeof server>>

beforeAll(async () => {
  appliance = await startedAppliance()
  clone = await appliance.clone()
  const first = await clone.deliver({ 'domains.yaml': 'domains:\n  a.example.com: { root: a }\n', '.gitignore': '' })
  await appliance.converged(first.revision)
  before = await server()
}, 60_000)
afterEach(async () => {
  expect(await server()).toEqual(before)
  await clone.reset()
})
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

/** Everything that a push could have changed. */
async function server() {
  const { home } = appliance
  return {
    refs: await clone.ask('--git-dir', home.repository, 'for-each-ref'),
    generation: await readlink(join(home.nginx, 'current')),
    www: await readdir(home.www),
    windows: await appliance.panes(),
    status: await appliance.status(),
  }
}

function expectRefused({ accepted, remote }: PushResult, ...mistakes: string[]): void {
  expect(accepted).toBe(false)
  expect(remote.slice(1, -1)).toEqual(mistakes)
  expect(remote.at(-1)).toBe('Refused: nothing on the server has changed.')
}

const domains = (...entries: string[]) => ({ 'domains.yaml': `domains:\n${entries.map(entry => `  ${entry}\n`).join('')}` })

describe('a push is refused with one sentence at the place, and nothing on the server changes: a document', () => {
  const bomb = Array.from({ length: 30 }, (_, row) => `k${row}: &a${row} [${row === 0 ? 'lol' : `*a${row - 1}, *a${row - 1}`}]\n`)
  const cases: readonly [string, Record<string, string | Uint8Array>, string][] = [
    [
      'with tabs',
      { 'domains.yaml': 'domains:\n\ta.example.com: { root: a }\n' },
      'domains.yaml:2:1: a tab cannot indent in YAML: write spaces',
    ],
    [
      'with a key twice',
      domains('a.example.com: { root: a }', 'a.example.com: { root: b }'),
      'domains.yaml:3:3: "a.example.com" is here twice: keep one of them',
    ],
    ['with an unknown key', domains('a.example.com: { rot: a }'), 'domains.yaml:2:20: unknown key "rot"; did you mean "root"?'],
    [
      'with a wrong type',
      domains('a.example.com: { root: 5 }'),
      'domains.yaml:2:26: root must be text, and is 5: write quotes around it',
    ],
    [
      'of 10 MB',
      { 'domains.yaml': 'x'.repeat(10 * 1024 * 1024) },
      'domains.yaml:1:1: the file has 10485760 bytes, and a document may have 1048576: make it smaller',
    ],
    [
      'that is not UTF-8',
      { 'domains.yaml': new Uint8Array([0x64, 0x3a, 0x0a, 0xff, 0xfe]) },
      'domains.yaml:2:1: this line is not UTF-8: save the file with the encoding UTF-8',
    ],
    [
      'that names a prompt which is missing',
      { 'agents.yaml': 'agents:\n  code: { prompt: agents/cod.md }\n' },
      'agents.yaml:2:19: the prompt agents/cod.md of code does not exist; did you mean agents/code.md?',
    ],
  ]
  for (const [name, files, mistake] of cases) test(name, async () => expectRefused(await clone.deliver(files), mistake))

  test('with an alias bomb, at once', async () => {
    const startedAt = performance.now()
    const { accepted, remote } = await clone.deliver({ 'settings.yaml': bomb.join('') })
    expect(accepted).toBe(false)
    expect(remote[1]).toBe('settings.yaml:2:10: *a0 repeats another value, which is not supported: write the value out')
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  test('that is a symbolic link', async () => {
    await clone.link('domains.yaml', '/etc/passwd')
    await clone.link('docs', '..')
    await clone.commit()
    expectRefused(
      await clone.push(),
      'docs:1:1: this is a symbolic link: commit the file itself',
      'domains.yaml:1:1: this is a symbolic link: commit the file itself',
    )
  })

  test('that is a submodule', async () => {
    await clone.ask('update-index', '--add', '--cacheinfo', `160000,${await clone.ask('rev-parse', 'HEAD')},agents/vendor`)
    await clone.ask('commit', '-q', '-m', 'A submodule')
    expectRefused(await clone.push(), 'agents/vendor:1:1: this is a submodule: commit the files themselves')
  })
})

describe('a push is refused with one sentence at the place, and nothing on the server changes: a domain', () => {
  const cases: readonly [string, readonly string[], string][] = [
    [
      'that is no host name',
      ['a_b.example.com: { root: b }'],
      '2:3: "a_b.example.com" is not a host name, because of "a_b": use letters, digits and hyphens, no hyphen first or last',
    ],
    ['in capitals', ['A.example.com: { root: b }'], '2:3: "A.example.com" has capital letters: write a.example.com'],
    [
      'twice, in two spellings',
      ['bücher.example: { root: b }', 'xn--bcher-kva.example: { root: c }'],
      '3:3: xn--bcher-kva.example belongs already to bücher.example: keep it in one place',
    ],
    [
      "that is another's alias",
      ['a.example.com: { root: a, aliases: [b.example.com] }', 'b.example.com: { root: b }'],
      '2:39: b.example.com belongs already to b.example.com: keep it in one place',
    ],
    [
      'whose root leaves www/',
      ['a.example.com: { root: ../keys }'],
      '2:26: root must be the name of one folder below www/, like blog: small letters, digits and . _ - without a slash',
    ],
    [
      'of two kinds',
      ['a.example.com: { root: a, proxy: "http://127.0.0.1:1" }'],
      '2:29: a.example.com has root and proxy: keep one of them',
    ],
    [
      'of no kind',
      ['a.example.com: { tls: none }'],
      '2:3: a.example.com does not say what it serves: write one of root, proxy, redirect or portal',
    ],
    [
      'that leads to a link-local address',
      ['a.example.com: { proxy: "http://169.254.1.1" }'],
      '2:27: proxy must not lead to 169.254.1.1, which is a link-local address, where clouds keep their metadata',
    ],
    [
      'that leads to the metadata of a cloud',
      ['a.example.com: { proxy: "http://metadata.google.internal" }'],
      '2:27: proxy must not lead to metadata.google.internal, which names the metadata service of a cloud',
    ],
  ]
  for (const [name, entries, mistake] of cases) {
    test(name, async () => expectRefused(await clone.deliver(domains(...entries)), `domains.yaml:${mistake}`))
  }

  test('with any string that nginx could read as more than a string, in every field that takes one', async () => {
    const fields = {
      root: (bad: string) => `{ root: "x${bad}" }`,
      index: (bad: string) => `{ root: x, index: ["x${bad}"] }`,
      not_found: (bad: string) => `{ root: x, not_found: "x${bad}" }`,
      deploy: (bad: string) => `{ root: x, deploy: { repo: "/srv/x${bad}" } }`,
      proxy: (bad: string) => `{ proxy: "http://127.0.0.1:9000/x${bad}" }`,
      redirect: (bad: string) => `{ redirect: "https://b.example.com/x${bad}" }`,
      aliases: (bad: string) => `{ root: x, aliases: ["x${bad}.example.com"] }`,
    }
    const bad = [';', '{', '}', '$', '\\"', "'", '\\n', '\\0', '\\\\']
    for (const [field, entry] of Object.entries(fields)) {
      const { accepted, remote } = await clone.deliver(
        domains(...bad.map((text, index) => `h${index}.example.com: ${entry(text)}`)),
      )
      expect({ field, accepted }).toEqual({ field, accepted: false })
      const lines = new Set(remote.slice(1, -1).map(line => /^domains\.yaml:(\d+):\d+: ./.exec(line)?.[1] ?? line))
      expect({ field, lines: [...lines] }).toEqual({ field, lines: bad.map((_, index) => String(index + 2)) })
      await clone.reset()
    }
  })
})

test('an agent whose name tmux could read as a target is refused', async () => {
  const names = ['a:b', '-x', '.', 'a.b', '"=a"', '"@1"', '"%1"', '"$0"', '"{last}"']
  const yaml = `agents:\n${names.map(name => `  ${name}: { prompt: agents/code.md }\n`).join('')}`
  const { accepted, remote } = await clone.deliver({ 'agents.yaml': yaml })
  expect(accepted).toBe(false)
  expect(remote.slice(1, -1)).toEqual(
    names.map((_, index) =>
      expect.stringMatching(new RegExp(`^agents\\.yaml:${index + 2}:3: .+ cannot name an agent: write a small letter`)),
    ),
  )
})

test('every mistake of every document is told at once, in the order of files and lines', async () => {
  expectRefused(
    await clone.deliver({
      ...domains('A.example.com: { root: a }', 'b.example.com: { rot: b }'),
      'agents.yaml': 'agents:\n  logs: { prompt: agents/code.md }\n',
      'settings.yaml': 'tls: maybe\n',
    }),
    'agents.yaml:2:3: logs is a window of the appliance itself: choose another name',
    'domains.yaml:2:3: "A.example.com" has capital letters: write a.example.com',
    'domains.yaml:3:20: unknown key "rot"; did you mean "root"?',
    'settings.yaml:1:6: tls must be none, self-signed or acme, and is "maybe"',
  )
})

describe('.gitattributes that', () => {
  const attributes = {
    'hide a file': '*.yaml export-ignore\nagents/* export-ignore\n',
    'rewrite a file': '*.yaml export-subst ident filter=evil text eol=crlf working-tree-encoding=UTF-16\n',
  }
  for (const [what, text] of Object.entries(attributes)) {
    test(`${what} have no effect: the bytes that were committed are the ones that are judged`, async () => {
      await clone.write(domains('A.example.com: { root: a }'))
      await clone.commit()
      await clone.write({ '.gitattributes': text })
      await clone.ask('add', '.gitattributes')
      await clone.ask('commit', '-q', '-m', 'Attributes')
      expectRefused(await clone.push(), 'domains.yaml:2:3: "A.example.com" has capital letters: write a.example.com')
    })
  }
})
