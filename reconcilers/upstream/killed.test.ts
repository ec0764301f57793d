import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { stalled } from './problems.ts'
import type { Order } from './testing/act-until-killed.ts'
import { converge } from './testing/converge.ts'
import { author, createRigs, declared, git, type House, mirrored, type Rig, type Rigs, site } from './testing/rig.ts'

setDefaultTimeout(120_000)

let postgres: TestStore
let rigs: Rigs
let folder: string
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
  folder = await mkdtemp(join(tmpdir(), 'up-'))
  // In one file: of the time that each of these runtimes would take to read its modules, most is not needed.
  const entrypoints = [join(import.meta.dir, 'testing', 'act-until-killed.ts')]
  await Bun.build({ entrypoints, target: 'bun', outdir: folder })
  await cp(join(import.meta.dir, '..', '..', 'desired-state', 'template'), join(folder, 'template'), { recursive: true })
}, 60_000)
afterAll(async () => {
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

/** A runtime that does it, or dies at the step; gives the steps that it took. */
async function act(it: Rig, order: Omit<Order, 'home' | 'postgresSockets'>): Promise<string[]> {
  const whole: Order = { home: it.home.root, postgresSockets: postgres.home.postgresSockets, ...order }
  const script = join(folder, 'act-until-killed.js')
  const child = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', script, JSON.stringify(whole)], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  })
  const said = await new Response(child.stdout).text()
  await child.exited
  expect([order.fatal ?? '', child.signalCode]).toEqual([order.fatal ?? '', order.fatal === undefined ? null : 'SIGKILL'])
  return said.trimEnd().split('\n').filter(Boolean)
}

interface Way {
  /** Sets the scene, and gives what is then done. */
  readonly begin: (it: Rig) => Promise<Omit<Order, 'home' | 'postgresSockets'>>
  /** What holds after a start that follows the death, of the mirror as that start has it. */
  readonly check: (it: Rig, house: House) => Promise<void>
}

/**
 * Once to its end, to learn the steps; then once for each of them, at which the runtime kills itself: but for those before
 * which nothing was done that was not died at already.
 */
async function killAtEach({ begin, check }: Way, idle: readonly string[] = []): Promise<string[]> {
  const play = async (fatal?: string, isLast = false) => {
    await using it = await rigs.open()
    const order = await begin(it)
    if (fatal === undefined) return await act(it, order)
    expect((await act(it, { ...order, fatal })).at(-1)).toBe(fatal)
    const house = await it.again()
    await house.mirror.look()
    try {
      await check(it, house)
      expect(await it.leftovers()).toEqual([])
      if (isLast) for (const repository of [it.home.repository, it.upstream]) await git(repository, 'fsck', '--strict')
    } catch (cause) {
      throw new Error(`after kill -9 at "${fatal}": ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
    return []
  }
  const steps = await play()
  for (const step of steps) if (!idle.includes(step)) await play(step, step === steps.at(-1))
  return steps
}

const heads = async (it: Rig) => [await it.head(), await it.headThere()]

/** Each side has a commit that the other has not, and a person is asked. */
async function diverge(it: Rig): Promise<{ readonly ours: string; readonly theirs: string }> {
  await mirrored(it)
  const theirs = await it.there({ 'domains.yaml': site('theirs') })
  const ours = await it.commit({ 'domains.yaml': site('ours') })
  await it.records.update({ head: theirs, problem: stalled('diverged', ours, theirs) })
  return { ours, theirs }
}

test('kill -9 at every step of an upstream that is declared and pushed to: the next start follows it, and it has what is here', async () => {
  let ours = ''
  const steps = await killAtEach(
    {
      async begin(it) {
        ours = await it.commit({ 'domains.yaml': site('ours') })
        return { verb: 'converge', url: it.upstream }
      },
      async check(it, house) {
        await converge(house, declared(it.upstream))
        expect(await heads(it)).toEqual([ours, ours])
        expect(house.records.current()).toMatchObject({ head: ours, agreed: ours, problem: undefined })
      },
    },
    ['begin #2'],
  )
  expect(steps).toEqual(['begin', 'followed', 'fetch', 'fetched', 'begin #2', 'pushed'])
})

test('kill -9 at every step of an upstream that is declared no longer: the next start has forgotten it, and changes nothing there', async () => {
  let before: string[] = []
  const steps = await killAtEach({
    async begin(it) {
      await mirrored(it)
      before = await heads(it)
      return { verb: 'converge' }
    },
    async check(it, house) {
      await converge(house, undefined)
      expect([house.records.current(), await heads(it)]).toEqual([undefined, before])
    },
  })
  expect(steps).toEqual(['begin', 'forgotten'])
})

test('kill -9 at every step of a commit from there: the next start has it, once, and nothing is left of the way', async () => {
  let theirs = ''
  const steps = await killAtEach({
    async begin(it) {
      await mirrored(it)
      theirs = await it.there({ 'domains.yaml': site('theirs') })
      return { verb: 'look' }
    },
    async check(it, house) {
      await converge(house, declared(it.upstream))
      expect(await heads(it)).toEqual([theirs, theirs])
      expect(house.records.current()).toMatchObject({ head: theirs, agreed: theirs, problem: undefined })
    },
  })
  expect(steps).toEqual(['fetch', 'fetched', 'kept', 'accepted', 'recorded'])
})

test('kill -9 at every step of a commit from there that is refused: what is here stays, and the next start says why', async () => {
  let before = ''
  let bad = ''
  const steps = await killAtEach(
    {
      async begin(it) {
        await mirrored(it)
        before = await it.head()
        bad = await it.there({ 'domains.yaml': 'rubbish' })
        return { verb: 'look' }
      },
      async check(it, house) {
        expect([await it.head(), house.records.current()?.problem]).toEqual([
          before,
          expect.objectContaining({ reason: 'invalid', head: bad }),
        ])
      },
    },
    ['fetch'],
  )
  expect(steps).toEqual(['fetch', 'fetched'])
})

test('kill -9 at every step of taking what is there: it is taken or may be taken again, and what was here is archived once', async () => {
  let both = { ours: '', theirs: '' }
  let open = 0
  const steps = await killAtEach(
    {
      async begin(it) {
        both = await diverge(it)
        return { verb: 'adopt', bound: { head: both.theirs } }
      },
      async check(it, house) {
        if ((await it.head()) === both.ours) {
          open += 1
          expect(house.records.current()?.problem).toMatchObject({ reason: 'diverged', head: both.theirs, main: both.ours })
          await house.mirror.adopt({ head: both.theirs, main: both.ours })
        }
        await converge(house, declared(it.upstream))
        expect([await heads(it), house.records.current()?.problem]).toEqual([[both.theirs, both.theirs], undefined])
        const archived = await git(it.home.repository, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/archive/')
        expect(archived.split('\n')).toEqual([expect.stringMatching(new RegExp(`^refs/archive/main-\\S+ ${both.ours}$`))])
      },
    },
    ['fetch'],
  )
  expect([steps, open]).toEqual([['fetch', 'fetched', 'kept', 'archived', 'accepted', 'recorded'], 3])
})

test('kill -9 at every step of keeping what is here: it is kept or may be kept again, and both histories go there, joined once', async () => {
  let both = { ours: '', theirs: '' }
  let open = 0
  const steps = await killAtEach(
    {
      async begin(it) {
        both = await diverge(it)
        return { verb: 'keep', bound: { main: both.ours, head: both.theirs } }
      },
      async check(it, house) {
        if ((await it.head()) === both.ours) {
          open += 1
          expect(house.records.current()?.problem).toMatchObject({ reason: 'diverged', head: both.theirs, main: both.ours })
          await house.mirror.keep({ head: both.theirs, main: both.ours }, author)
        }
        await converge(house, declared(it.upstream))
        const [here, there = ''] = await heads(it)
        expect(there).toBe(here ?? '')
        expect(await git(it.upstream, 'rev-parse', `${there}^1`, `${there}^2`)).toBe(`${both.ours}\n${both.theirs}`)
        expect(await git(it.upstream, 'rev-list', '--count', `${both.ours}..${there}`)).toBe('2')
      },
    },
    ['fetch'],
  )
  expect([steps, open]).toEqual([['fetch', 'fetched', 'kept', 'accepted', 'recorded'], 2])
})
