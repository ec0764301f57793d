import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { removeOldKey } from './remote.ts'
import { commitOfOneGigabyte } from './testing/one-gigabyte.ts'
import { author, createRigs, declared, git, mirrored, push, type Rig, type Rigs, site } from './testing/rig.ts'

setDefaultTimeout(120_000)

let postgres: TestStore
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
}, 60_000)
afterAll(async () => {
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
}, 60_000)

let rigs: Rigs
const rig = (options = {}) => rigs.open(options)
/** With a history of its own. */
const unrelated = { onto: undefined }
const problem = ({ records }: Pick<Rig, 'records'>) => records.current()?.problem

/*
 * Graphs: time goes right, H is here, T is there.
 */
describe('main and its upstream', () => {
  test('an empty upstream gets what is here', async () => {
    await using it = await rig()
    await git(it.upstream, 'update-ref', '-d', 'refs/heads/main')
    await it.mirror.follow(declared(it.upstream))
    await it.mirror.look()
    await push(it.mirror)
    expect(await it.headThere()).toBe(await it.head())
    expect(problem(it)).toBeUndefined()
    expect(await it.leftovers()).toEqual([])
  })

  // H: A      T: A-B   →   H: A-B
  test('a good commit there becomes main here, with nothing left of its way', async () => {
    await using it = await rig()
    await mirrored(it)
    const revision = await it.there({ 'domains.yaml': site('theirs') })
    await it.mirror.look()
    expect(await it.head()).toBe(revision)
    const state = await it.repository.read(revision)
    expect(state.ok && [...state.state.domains.keys()]).toEqual(['theirs.example.com'])
    expect(it.audited).toEqual(['upstream.accepted success'])
    expect(await it.leftovers()).toEqual([])
  })

  // H: A-B    T: A     →   T: A-B
  test('a commit here goes there', async () => {
    await using it = await rig()
    await mirrored(it)
    const revision = await it.commit({ 'domains.yaml': site('ours') })
    await push(it.mirror)
    expect(await it.headThere()).toBe(revision)
  })

  // T: A-X(bad)        →   H: A, and after T: A-X-C   →   H: A-X-C
  test('a bad commit there leaves what is here in force, says every mistake, and a good one on top goes on', async () => {
    await using it = await rig()
    await mirrored(it)
    const before = await it.head()
    const bad = await it.there({ 'domains.yaml': 'domains:\n  a: { rooot: x }\n', 'settings.yaml': 'tsl: acme\n' })
    await it.mirror.look()
    expect(await it.head()).toBe(before)
    expect(problem(it)).toMatchObject({ reason: 'invalid', state: 'stalled', head: bad, main: before })
    expect(problem(it)?.message).toContain('domains.yaml:2:3: "a" is not a full host name')
    expect(problem(it)?.lines.join('\n')).toContain('settings.yaml:1:1: unknown key "tsl"; did you mean "tls"?')
    expect(await it.leftovers()).toEqual([])
    await it.mirror.look()
    expect(it.audited).toEqual(['upstream.refused denied'])
    const good = await it.there({ 'domains.yaml': site('good'), 'settings.yaml': 'tls: none\n' })
    await it.mirror.look()
    expect(await it.head()).toBe(good)
    expect(problem(it)).toBeUndefined()
  })

  // T: A-X(bad), then forced to A-C   →   H: A-C: what was never accepted may be rewritten
  test('a bad commit there may be taken back by force, since nobody ever had it', async () => {
    await using it = await rig()
    await mirrored(it)
    await it.there({ 'domains.yaml': 'rubbish' })
    await it.mirror.look()
    const good = await it.there({ 'domains.yaml': site('good') }, { onto: await it.head() })
    await it.mirror.look()
    expect(await it.head()).toBe(good)
  })

  // H: A-B    T: A-C   →   stalled, and neither moves
  test('of two commits at once neither is lost: it stalls with both heads and a command for each', async () => {
    await using it = await rig()
    await mirrored(it)
    const theirs = await it.there({ 'domains.yaml': site('theirs') })
    const ours = await it.commit({ 'domains.yaml': site('ours') })
    await expect(push(it.mirror)).rejects.toThrow('each side has commits that the other has not')
    expect([await it.head(), await it.headThere()]).toEqual([ours, theirs])
    expect(problem(it)).toMatchObject({ reason: 'diverged', state: 'stalled', head: theirs, main: ours })
    const { choices } = await it.mirror.standing()
    expect(choices.map(({ command }) => command)).toEqual([
      `ai-infra upstream adopt ${theirs.slice(0, 8)}`,
      `ai-infra upstream push ${ours.slice(0, 8)}`,
    ])
  })

  test('whoever keeps what is here gives the upstream both histories, without force', async () => {
    await using it = await rig()
    await mirrored(it)
    const theirs = await it.there({ 'domains.yaml': site('theirs') })
    const ours = await it.commit({ 'domains.yaml': site('ours') })
    await it.mirror.look()
    const both = await it.mirror.keep({ main: ours.slice(0, 8), head: theirs }, author)
    await push(it.mirror)
    expect([await it.head(), await it.headThere()]).toEqual([both, both])
    expect(await it.repository.file(both, 'domains.yaml')).toBe(site('ours'))
    expect(await git(it.upstream, 'rev-list', both)).toContain(theirs)
    expect(problem(it)).toBeUndefined()
  })

  test('whoever takes what is there loses nothing of what is here: it is archived', async () => {
    await using it = await rig()
    await mirrored(it)
    const theirs = await it.there({ 'domains.yaml': site('theirs') })
    const ours = await it.commit({ 'domains.yaml': site('ours') })
    await it.mirror.look()
    const { revision, archive = '' } = await it.mirror.adopt({ head: theirs.slice(0, 8) })
    expect([revision, await it.head()]).toEqual([theirs, theirs])
    expect(await git(it.home.repository, 'rev-parse', archive)).toBe(ours)
    expect(problem(it)).toBeUndefined()
  })

  test('a choice is for the heads that were shown, and for no others', async () => {
    await using it = await rig()
    await mirrored(it)
    const shown = await it.there({ 'domains.yaml': site('theirs') })
    const ours = await it.commit({ 'domains.yaml': site('ours') })
    await it.mirror.look()
    const later = await it.there({ 'domains.yaml': site('later') })
    await expect(it.mirror.adopt({ head: shown })).rejects.toThrow(`there main is ${later.slice(0, 8)} by now`)
    await expect(it.mirror.keep({ main: later }, author)).rejects.toThrow(`here main is ${ours.slice(0, 8)} by now`)
    expect(await it.head()).toBe(ours)
  })

  // A-B on both, then T forced to A   →   stalled; nothing is pushed over it
  test('an upstream that was taken back stalls, and is not brought forward again behind its owner', async () => {
    await using it = await rig()
    await mirrored(it)
    const first = await it.head()
    await it.commit({ 'domains.yaml': site('ours') })
    await push(it.mirror)
    await git(it.upstream, 'update-ref', 'refs/heads/main', first)
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'rewritten', state: 'stalled', head: first })
    expect(await it.headThere()).toBe(first)
  })

  test('a push does not undo what was taken back since the last look', async () => {
    await using it = await rig()
    await mirrored(it)
    const first = await it.head()
    await it.commit({ 'domains.yaml': site('ours') })
    await push(it.mirror)
    await git(it.upstream, 'update-ref', 'refs/heads/main', first)
    await it.commit({ 'domains.yaml': site('newer') })
    await expect(push(it.mirror)).rejects.toThrow('its history was rewritten')
    expect(await it.headThere()).toBe(first)
  })

  // A-B on both, then T forced to A-C
  test('a rewritten history stalls with both heads; to adopt it archives the old one', async () => {
    await using it = await rig()
    await mirrored(it)
    const first = await it.head()
    const ours = await it.there({ 'domains.yaml': site('one') })
    await it.mirror.look()
    const theirs = await it.there({ 'domains.yaml': site('rewritten') }, { onto: first })
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'rewritten', head: theirs, main: ours })
    expect(await it.head()).toBe(ours)
    await it.mirror.adopt({})
    expect(await it.head()).toBe(theirs)
  })

  test('a branch that is gone there stalls; it comes back when somebody says so', async () => {
    await using it = await rig()
    await mirrored(it)
    await git(it.upstream, 'update-ref', '-d', 'refs/heads/main')
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'gone', state: 'stalled' })
    expect((await it.mirror.standing()).choices).toHaveLength(1)
    await it.mirror.keep({}, author)
    await push(it.mirror)
    expect(await it.headThere()).toBe(await it.head())
  })

  test('a history that has nothing to do with ours is adopted in one step, and never by itself', async () => {
    await using it = await rig()
    const theirs = await it.there({ 'domains.yaml': site('old') }, unrelated)
    const starter = await it.head()
    await it.mirror.follow(declared(it.upstream))
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'unrelated', state: 'stalled' })
    expect(await it.head()).toBe(starter)
    const { archive = '' } = await it.mirror.adopt({})
    expect(await it.head()).toBe(theirs)
    expect(await git(it.home.repository, 'rev-parse', archive)).toBe(starter)
  })

  test('a fresh appliance adopts a repository that nobody has declared yet', async () => {
    await using it = await rig()
    const theirs = await it.there({ 'domains.yaml': site('old') }, unrelated)
    expect(await it.mirror.adopt({}, declared(it.upstream))).toMatchObject({ revision: theirs })
    expect(await it.head()).toBe(theirs)
  })

  test('what is adopted is judged like a push', async () => {
    await using it = await rig()
    await it.there({ 'domains.yaml': 'rubbish' }, unrelated)
    const before = await it.head()
    await expect(it.mirror.adopt({}, declared(it.upstream))).rejects.toThrow(/is refused:[\s\S]*domains.yaml:1:1/)
    expect([await it.head(), await it.leftovers()]).toEqual([before, []])
  })

  test('two appliances on one upstream have the same main, whoever commits', async () => {
    await using it = await rig()
    await mirrored(it)
    await using other = await rig()
    await other.mirror.adopt({}, declared(it.upstream))
    await other.mirror.follow(declared(it.upstream))
    await other.mirror.look()
    const first = await other.commit({ 'domains.yaml': site('other') })
    await push(other.mirror)
    await it.mirror.follow(declared(it.upstream))
    await it.mirror.look()
    expect(await it.head()).toBe(first)
  })
})

describe('an upstream that is not well', () => {
  test('away is waited for, with what is here in force, and what a person has to choose is not forgotten over it', async () => {
    await using it = await rig()
    await mirrored(it)
    const before = await it.head()
    await rename(it.upstream, `${it.upstream}.away`)
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'away', state: 'waiting' })
    expect(problem(it)?.message).toContain(`everything is kept as ${before.slice(0, 8)} says`)
    await rename(`${it.upstream}.away`, it.upstream)
    await it.mirror.look()
    expect(problem(it)).toBeUndefined()
    await git(it.upstream, 'update-ref', '-d', 'refs/heads/main')
    await it.mirror.look()
    await rename(it.upstream, `${it.upstream}.away`)
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'gone' })
  })

  test('with a file of 1 GB is refused early, asked no more until it changes, and nothing of it remains', async () => {
    await using it = await rig()
    await mirrored(it)
    const before = await it.head()
    const large = await commitOfOneGigabyte(it.upstream)
    await it.mirror.look()
    expect(problem(it)).toMatchObject({ reason: 'too-large', state: 'stalled', head: large })
    expect(problem(it)?.message).toContain('more than 64 MiB')
    expect([await it.head(), await it.leftovers()]).toEqual([before, []])
    const again = performance.now()
    await it.mirror.look()
    expect(performance.now() - again).toBeLessThan(3_000)
    await git(it.upstream, 'update-ref', 'refs/heads/main', before)
    const small = await it.there({ 'domains.yaml': site('small') })
    await it.mirror.look()
    expect(await it.head()).toBe(small)
  })

  test('inside the home, where agents write, is never asked', async () => {
    await using it = await rig()
    await it.mirror.follow(declared(join(it.home.root, 'workspaces', 'code', 'config.git')))
    await it.mirror.look()
    expect(problem(it)?.message).toContain('url is a folder of the appliance itself')
  })
})

test('the key of a run that was killed is gone after a start', async () => {
  await using it = await rig()
  const folder = join(it.home.run, 'upstream-ssh')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'key'), 'a private key')
  await removeOldKey(it.home)
  await expect(readdir(folder)).rejects.toThrow('ENOENT')
  await removeOldKey(it.home)
})
