import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { putSignersInForce, signersInForce } from '../../desired-state/git/signers-in-force.ts'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { homeAt } from '../../runtime/os/home.ts'
import { dieAtStep } from '../dns/testing/die.ts'
import { alteration } from '../engine/blast-cap.ts'
import { createSignersReconciler } from './reconciler.ts'

let root: string
const home = () => homeAt(root)
const reconciler = () => createSignersReconciler(home())
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'signers-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const signers = (keys: Readonly<Record<string, readonly string[]>>) => {
  const lines = Object.entries(keys).map(([name, own]) => `  ${name}: { ssh: [${own.map(key => `"ssh-ed25519 ${key}"`)}] }\n`)
  return createSignersReconciler(homeAt('/nowhere')).select(
    stateOf({ 'settings.yaml': lines.length === 0 ? '' : `allowed_signers:\n${lines.join('')}` }),
  )
}
const excess = (before: ReturnType<typeof signers>, after: typeof before) => alteration(reconciler(), before, after).excess
const [none, ann] = [signers({}), signers({ ann: ['AAAA'] })]

test('the first list of who may sign passes, as does a key less; who is let in, or no list any more, waits for one approval', () => {
  expect(excess(none, ann)).toBeUndefined()
  expect(excess(signers({ ann: ['AAAA', 'BBBB'] }), ann)).toBeUndefined()
  expect(excess(ann, signers({ ann: ['AAAA'], eve: ['EEEE'] }))).toBe('it lets keys sign main that may not yet: of eve')
  expect(excess(ann, signers({ ann: ['AAAA', 'EEEE'] }))).toBe('it lets keys sign main that may not yet: of ann')
  expect(excess(ann, signers({ ann: ['EEEE'] }))).toBe('it lets keys sign main that may not yet: of ann')
  // The same key under another name lets nobody in.
  expect(excess(ann, signers({ anna: ['AAAA'] }))).toBeUndefined()
  expect(excess(ann, none)).toBe('it removes the last signer')
})

test('a death at any step leaves the list of before or the new one, and the next look goes on', async () => {
  const lists = [none, ann, signers({ ann: ['BBBB'], bob: ['CCCC'] }), none]
  for (const [at, wanted] of lists.slice(1).entries()) {
    const before = [...(lists[at] ?? none).values()]
    expect(await dieAtStep(reconciler(), wanted, 0)).toBe('begin')
    expect(await signersInForce(home())).toEqual(before)
    expect(await dieAtStep(reconciler(), wanted, 1)).toBe('end')
    expect(await signersInForce(home())).toEqual([...wanted.values()])
    const { signal } = new AbortController()
    expect(reconciler().plan(wanted, await reconciler().observe(wanted, signal)).changes).toEqual([])
  }
})

test('a list that is damaged is said, and never taken for an empty one', async () => {
  await putSignersInForce(home(), [...ann.values()])
  await writeFile(join(home().keys, 'allowed-signers.json'), '')
  await expect(signersInForce(home())).rejects.toThrow('is damaged')
})
