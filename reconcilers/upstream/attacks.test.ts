import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { context, openScene, type Scene } from './testing/github-scene.ts'
import { createRigs, git, type Rig, type Rigs, site } from './testing/rig.ts'

setDefaultTimeout(120_000)

let postgres: TestStore
let rigs: Rigs
let scene: Scene
let it: Rig
/** What both sides have. */
let good = ''
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
  scene = await openScene(rigs, postgres.store)
  it = scene.it
  good = await it.head()
}, 60_000)
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
}, 60_000)

const refThere = (revision: string) => writeFile(join(it.upstream, 'refs', 'heads', 'main'), `${revision}\n`)
/** What nobody ever took may be rewritten there. */
afterEach(async () => {
  good = await it.head()
  await refThere(good)
  await it.mirror.look()
  expect([await it.head(), it.records.current()?.problem, await it.leftovers()]).toEqual([good, undefined, []])
})

const object = (type: string, bytes: string) =>
  spawnChecked(spawn, ['git', `--git-dir=${it.upstream}`, 'hash-object', '-w', '--literally', '-t', type, '--stdin'], {
    stdin: new TextEncoder().encode(bytes),
  }).then(text => text.trim())
const treeOf = (lines: readonly string[]) =>
  spawnChecked(spawn, ['git', `--git-dir=${it.upstream}`, 'mktree', '--missing', '-z'], {
    stdin: new TextEncoder().encode(lines.map(line => `${line}\0`).join('')),
  }).then(text => text.trim())
const who = 'Eve <eve@example.com> 1767225600 +0000'
/** A commit of these bytes below its tree, as main there. */
async function forged(rest: string, tree?: string): Promise<string> {
  const made = await object('commit', `tree ${tree ?? (await git(it.upstream, 'rev-parse', `${good}^{tree}`))}\n${rest}`)
  await refThere(made)
  return made
}
async function many(files: number): Promise<string> {
  const blob = await object('blob', 'x')
  return forged(onGood(), await treeOf(Array.from({ length: files }, (_, at) => `100644 blob ${blob}\t${at}`)))
}
const onGood = () => `parent ${good}\nauthor ${who}\ncommitter ${who}\n\nA change\n`
const bad = (path: string, text: string, mode?: '120000' | '160000') =>
  it.there({ [path]: mode === undefined ? text : { mode, text }, 'domains.yaml': site('eve') })

/** What main there becomes, and what its author reads beside it. */
const refused: Readonly<Record<string, readonly [make: () => Promise<string>, says: string]>> = {
  'a submodule': [() => bad('sub', good, '160000'), 'sub:1:1: this is a submodule: commit the files themselves'],
  'a link out of the tree': [
    () => bad('agents/code.md', '../../../etc/passwd', '120000'),
    'agents/code.md:1:1: this is a symbolic link',
  ],
  'a folder of Git itself': [
    async () => {
      const blob = await object('blob', '#!/bin/sh\n')
      const hooks = await treeOf([`040000 tree ${await treeOf([`100755 blob ${blob}\tpost-checkout`])}\thooks`])
      return forged(onGood(), await treeOf([`040000 tree ${hooks}\t.GIT`]))
    },
    'Git does not take what is new there: object',
  ],
  'two names that differ by case only': [
    () => it.there({ 'agents/extra.md': 'a', 'agents/Extra.md': 'b' }),
    'agents/extra.md:1:1: a Mac or Windows takes this for the same file as agents/Extra.md',
  ],
  'a name that moves the cursor': [
    () => bad('"TELOS/a\\nb\\033[2J.md"', 'x'),
    'TELOS/a\\u000ab\\u001b[2J.md:1:1: this name holds a character',
  ],
  'a name that is read backwards': [
    () => bad('agents/\u202edm.live.md', 'x'),
    'agents/\\u202edm.live.md:1:1: this name holds a character',
  ],
  'a pointer of Git LFS': [
    () => it.there({ 'domains.yaml': `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12\n` }),
    'domains.yaml:1:1: this is a pointer of Git LFS',
  ],
  '100,000 files': [() => many(100_000), 'cannot be judged: this repository has more than 10000 files: remove some'],
  'a few bytes that stand for a thousand million files': [
    async () => {
      let tree = await treeOf([`100644 blob ${await object('blob', 'x')}\tf`])
      for (let level = 0; level < 9; level++)
        tree = await treeOf(Array.from({ length: 10 }, (_, at) => `040000 tree ${tree}\t${at}`))
      return forged(onGood(), tree)
    },
    'cannot be judged: its files cannot be listed',
  ],
  'a date that is none': [
    () => forged(`parent ${good}\nauthor Eve <eve@example.com> 99999999999999999999 +0000\ncommitter ${who}\n\nA change\n`),
    'Git does not take what is new there: object',
  ],
  'a tree in the place of a commit': [
    async () => {
      const tree = await git(it.upstream, 'rev-parse', `${good}^{tree}`)
      await refThere(tree)
      return tree
    },
    'cannot be compared with',
  ],
  'a tag in the place of a commit': [
    async () => {
      const commit = await it.there({ 'domains.yaml': site('eve') })
      const tag = await object('tag', `object ${commit}\ntype commit\ntag main\ntagger ${who}\n\nx\n`)
      await refThere(tag)
      return tag
    },
    'is no commit',
  ],
}

describe('what is here stays in force, and the author reads why beside the commit', () => {
  for (const [name, [make, says]] of Object.entries(refused)) {
    test(name, async () => {
      const head = await make()
      await it.mirror.look()
      await scene.report()
      const { problem } = await it.mirror.standing()
      expect([problem?.state, problem?.head]).toEqual(['stalled', head])
      expect(`${problem?.message}\n${problem?.lines.join('\n')}`).toContain(says)
      expect(`${problem?.message}`).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
      expect(scene.github.statuses.get(`${head} ${context}`)).toMatchObject({
        state: 'failure',
        description: expect.stringContaining(says.slice(0, 60)),
      })
      expect([await it.head(), await it.leftovers()]).toEqual([good, []])
      // It is judged once.
      const seen = JSON.stringify(problem)
      await it.mirror.look()
      expect(JSON.stringify((await it.mirror.standing()).problem)).toBe(seen)
    })
  }

  test('a parent that does not exist', async () => {
    await forged(`parent ${'1'.repeat(40)}\nauthor ${who}\ncommitter ${who}\n\nA change\n`)
    await it.mirror.look()
    expect(it.records.current()?.problem).toMatchObject({
      state: 'waiting',
      message: expect.stringContaining('run git fsck in it'),
    })
  })

  test('a parent that is only written into the message', async () => {
    const head = await forged(`author ${who}\ncommitter ${who}\n\nparent ${good}\n`)
    await it.mirror.look()
    await scene.report()
    expect(it.records.current()?.problem).toMatchObject({ reason: 'rewritten', state: 'stalled', head })
    expect(scene.github.statuses.get(`${head} ${context}`)).toMatchObject({
      state: 'failure',
      description: expect.stringContaining('its history was rewritten'),
    })
  })

  test('a server that sends its files one by one, which Git does not check', async () => {
    await it.there({ 'domains.yaml': site('eve') })
    await git(it.upstream, 'update-server-info')
    const { git: smart } = scene.github
    scene.github.git = async request => {
      const file = Bun.file(join(it.upstream, new URL(request.url).pathname.slice('/me/config.git'.length)))
      return (await file.exists()) ? new Response(file) : new Response('', { status: 404 })
    }
    await it.mirror.look()
    expect(it.records.current()?.problem).toMatchObject({
      state: 'stalled',
      message: expect.stringContaining('it sends its files one by one'),
    })
    scene.github.git = smart
  })
})

describe('what is odd and does no harm is taken', () => {
  const take = async (head: string) => {
    await it.mirror.look()
    expect([it.records.current()?.problem, await it.head()]).toEqual([undefined, head])
    good = head
  }

  test('a folder a thousand deep', async () => {
    await take(await it.there({ [`${'d/'.repeat(1_000)}f`]: 'x', 'domains.yaml': site('deep') }))
    await take(await it.there({ 'domains.yaml': site('after') }))
  })

  test('a date in another age, a name with control characters: both are shown harmlessly', async () => {
    await take(
      await forged(
        `parent ${good}\nauthor Eve\u001b[2J <eve@example.com> 253402300799 +0000\ncommitter ${who}\n\nA\u202e change\n`,
      ),
    )
    expect(await it.repository.history(1)).toEqual([expect.objectContaining({ revision: good })])
  })

  test('a hundred thousand other refs, and refs that are no branches, with the name of ours', async () => {
    const packed = join(it.upstream, 'packed-refs')
    const other = await git(it.upstream, 'commit-tree', `${good}^{tree}`, '-m', 'Other')
    for (const name of ['refs/tags/main', 'refs/x/refs/heads/main', 'refs/heads/x/main'])
      await git(it.upstream, 'update-ref', name, other)
    await writeFile(
      packed,
      Array.from({ length: 100_000 }, (_, at) => `${other} refs/tags/${String(at).padStart(6, '0')}\n`).join(''),
    )
    await take(await it.there({ 'domains.yaml': site('many') }))
    await rm(packed)
  })
})
