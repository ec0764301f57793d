import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { createLog } from '../../runtime/os/log.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import type { RunningEngine } from './engine.ts'
import type { ApprovedHold } from './journal.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { EngineEvent } from './status.ts'
import { createKinds, everything, startKinds } from './testing/kinds.ts'
import { createHistory, emptyTables } from './testing/world.ts'

let database: TestStore
let engine: RunningEngine
let history: ReturnType<typeof createHistory>
let kinds: ReturnType<typeof createKinds>
let events: EngineEvent[]

beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database?.[Symbol.asyncDispose]())
beforeEach(async () => {
  await emptyTables(database.store)
  ;[history, kinds] = [createHistory(), createKinds()]
  history.commit(everything)
  await start()
  await until(() => engine.status().converged)
  events.length = 0
})
afterEach(() => engine.stop())

async function start(more: Parameters<typeof startKinds>[3] = {}): Promise<void> {
  events = []
  engine = await startKinds(database.store, history, kinds.reconcilers, more)
  engine.subscribe(event => events.push(event))
}

async function push(things: Record<string, string>) {
  const revision = history.commit(things)
  engine.moved()
  return engine.settled(revision, AbortSignal.timeout(60_000))
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  while (!holds()) {
    deadline.throwIfAborted()
    await Promise.race([new Promise<void>(resolve => engine.subscribe(() => resolve())), Bun.sleep(20)])
  }
}

const held = () => engine.holds()[0]
const idOf = () => held()?.id ?? 'nothing is held'
const left = () =>
  Object.entries(kinds.worlds)
    .flatMap(([kind, { things }]) => [...things.keys()].map(key => `${kind} ${key}`))
    .sort()
const all = () => [
  ...['archive archive/p', 'archive archive/q', 'certificate site/a', 'certificate site/b', 'record of-a', 'record of-b'],
  ...['site site/a', 'site site/b', 'zone zone/x', 'zone zone/y', 'zone zone/z'],
]
const applied = () =>
  Object.entries(kinds.worlds)
    .flatMap(([kind, { applied }]) => applied.map(key => `${kind} ${key}`))
    .sort()
const forget = () => {
  for (const { applied } of Object.values(kinds.worlds)) applied.length = 0
}

test('a commit that takes everything away is held under one ID, with all of it in every kind, and gone after one approval', async () => {
  const revision = history.commit({})
  const state = history.at(revision)
  const planned = state && (await engine.plan(state, 'push')).holds
  engine.moved()
  const status = await engine.settled(revision, AbortSignal.timeout(60_000))
  expect(status.converged).toBe(false)
  expect(engine.holds()).toHaveLength(1)
  expect(planned?.map(({ id, digest }) => [id, digest])).toEqual([['', held()?.digest ?? '']])
  expect(state && (await engine.plan(state)).holds.map(({ id }) => id)).toEqual([idOf()])
  expect(held()?.kinds.map(({ kind, reason, changes }) => [kind, reason, changes.map(({ key }) => key)])).toEqual([
    ['site', 'it removes the last 2 of kind site', ['site/a', 'site/b']],
    ['record', '', ['of-a', 'of-b']],
    ['certificate', '', ['site/a', 'site/b']],
    ['zone', 'it removes the last 3 of kind zone', ['zone/x', 'zone/y', 'zone/z']],
    ['archive', 'it removes the last 2 of kind archive', ['archive/p', 'archive/q']],
  ])
  expect(left()).toEqual(all())
  for (const key of ['site/a', 'zone/x', 'archive/p'])
    expect(engine.resource(key.split('/')[0] ?? '', key)).toMatchObject({
      state: 'held',
      message: expect.stringContaining(`approve ${idOf()}`),
    })
  expect(await engine.approve(idOf(), 'ada')).toMatchObject({ outcome: 'approved', hold: { revision } })
  await until(() => engine.status().converged)
  expect(left()).toEqual([])
  expect(events.filter(({ type }) => type === 'held')).toHaveLength(1)
  const rows = await database.store`SELECT approved_by FROM held_commit`
  expect(rows.map(row => row.approved_by)).toEqual(['ada'])
})

test('it lets through also what plans only after the rest is gone, and nothing is said to be done before that', async () => {
  kinds.worlds.zone.close('zone/x')
  history.commit({})
  engine.moved()
  await until(() => held() !== undefined)
  const id = idOf()
  expect(held()?.kinds.map(({ kind }) => kind)).toContain('archive')
  await engine.approve(id, 'ada')
  await until(() => kinds.worlds.site.things.size === 0)
  expect([engine.status().converged, kinds.worlds.archive.things.size, engine.holds()]).toEqual([false, 2, []])
  kinds.worlds.zone.open('zone/x')
  await until(() => engine.status().converged)
  expect(left()).toEqual([])
})

test('an approval serves once, and the second of two persons is told who was first', async () => {
  await push({})
  const id = idOf()
  const [one, two] = await Promise.all([engine.approve(id, 'ada'), engine.approve(id, 'bob')])
  expect(one.outcome).toBe('approved')
  expect(two).toMatchObject({
    outcome: 'already-approved',
    message: expect.stringContaining(`nothing is held under ${id} any more: ada approved it at`),
  })
  await until(() => engine.status().converged)
  await push(everything)
  await push({})
  expect(idOf()).not.toBe(id)
  expect(await engine.approve(id, 'ada')).toMatchObject({ outcome: 'already-approved', hint: expect.stringContaining(idOf()) })
  expect(left()).toEqual(all())
})

test('an ID says nothing of the commit, and an approval that names what it saw counts for that alone', async () => {
  await push({})
  const { id, digest } = held() ?? { id: '', digest: '' }
  expect([id, digest.includes(id)]).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/), false])
  expect(await engine.approve(id, 'ada', '00'.repeat(32))).toMatchObject({
    outcome: 'replaced',
    message: `what is held under ${id} is not what was shown`,
  })
  expect(left()).toEqual(all())
  expect(await engine.approve(id, 'ada', digest)).toMatchObject({ outcome: 'approved' })
})

test('another commit needs another approval, also one that takes the same away; the old ID says what took its place', async () => {
  const { desired: first } = await push({})
  const { id, since } = held() ?? { id: '', since: '' }
  const { desired: second } = await push({})
  expect(idOf()).not.toBe(id)
  expect(held()).toMatchObject({ since, revision: second })
  const refused = await engine.approve(id, 'ada')
  expect(refused).toEqual({
    outcome: 'replaced',
    message: `nothing is held under ${id} any more: it was of ${first.slice(0, 8)}, and main has moved to ${second.slice(0, 8)}`,
    hint: `look at what is held now, then run: ai-infra approve ${idOf()}`,
  })
  expect(await engine.approve('nonsense', 'ada')).toMatchObject({ outcome: 'unknown', message: 'nothing is held under nonsense' })
  expect(left()).toEqual(all())
})

test('an approval is refused when main has moved and nobody has said so yet, or cannot be read', async () => {
  await push({})
  const first = idOf()
  history.commit({ ...everything, 'zone/w': '1' })
  expect(await engine.approve(first, 'ada')).toMatchObject({ outcome: 'replaced', hint: 'nothing is held now' })
  await until(() => engine.status().converged)
  await push({})
  history.commitUnreadable()
  expect(await engine.approve(idOf(), 'ada')).toMatchObject({
    outcome: 'replaced',
    message: expect.stringContaining('cannot be read'),
  })
  expect(left()).toContain('zone zone/w')
  history.back()
  history.repository.head = async () => {
    throw new Error('the repository is away')
  }
  await expect(engine.approve(idOf(), 'ada')).rejects.toThrow('the repository is away')
  expect(left()).toContain('zone zone/w')
})

test('a commit that is taken back while it is held frees everything, and its ID lets nothing through later', async () => {
  await push({})
  const id = idOf()
  expect((await push(everything)).converged).toBe(true)
  expect(engine.holds()).toEqual([])
  expect(await engine.approve(id, 'ada')).toMatchObject({ outcome: 'replaced' })
  await push({})
  expect(left()).toEqual(all())
  expect(idOf()).not.toBe(id)
})

test('two pushes one right after the other while one is held: the last one is held, under its own ID and no other', async () => {
  const ids = new Set<string>()
  for (const things of [{}, { 'site/a': '1' }, { 'zone/x': '1' }]) {
    history.commit(things)
    engine.moved()
    engine.subscribe(event => event.type === 'held' && ids.add(event.hold.id))
  }
  const revision = history.commit({ 'archive/p': '1', 'archive/q': '1' })
  engine.moved()
  await engine.settled(revision, AbortSignal.timeout(60_000))
  expect(held()).toMatchObject({ revision })
  for (const id of ids) if (id !== idOf()) expect((await engine.approve(id, 'ada')).outcome).toBe('replaced')
  expect(left()).toEqual(all())
  await engine.approve(idOf(), 'ada')
  await until(() => engine.status().converged)
  expect(left()).toEqual(['archive archive/p', 'archive archive/q'])
})

test('an approval in the middle of a look at what is held is carried out, and never called done before', async () => {
  const site = reconcilerOf('site')
  const { observe } = site
  const gate = Promise.withResolvers<void>()
  const looking = Promise.withResolvers<void>()
  await push({})
  site.observe = async (...args) => {
    const seen = await observe(...args)
    looking.resolve()
    await gate.promise
    return seen
  }
  kinds.worlds.site.wake()
  await looking.promise
  await engine.approve(idOf(), 'ada')
  const said: boolean[] = []
  engine.subscribe(() => said.push(engine.status().converged && left().length > 0))
  gate.resolve()
  await until(() => engine.status().converged)
  expect([said.includes(true), left()]).toEqual([false, []])
})

test('a kind that cannot be seen while it is approved is done once it can be', async () => {
  await push({})
  kinds.worlds.zone.blind(new Error('the server is away'))
  await engine.approve(idOf(), 'ada')
  await until(() => engine.resource('zone', 'zone/x')?.state === 'waiting')
  expect([kinds.worlds.zone.things.size, engine.status().converged]).toEqual([3, false])
  kinds.worlds.zone.blind(undefined)
  await until(() => engine.status().converged)
  expect(left()).toEqual([])
})

test('what is suspended stays through an approval, and goes when it is resumed', async () => {
  const ending = new Date(Date.now() + 60_000).toISOString()
  await engine.suspend({ kind: 'site', key: 'site/a', reason: 'by hand', owner: 'ada', until: ending })
  await push({})
  await engine.approve(idOf(), 'ada')
  await until(() => kinds.worlds.archive.things.size === 0 && kinds.worlds.site.things.size === 1)
  expect(engine.resource('site', 'site/a')?.state).toBe('suspended')
  await engine.resume('site', 'site/a')
  await until(() => kinds.worlds.site.things.size === 0)
  await until(() => engine.status().converged)
})

test('what is held beside what is not: the rest of a commit is done at once, and one kind alone is held as ever', async () => {
  await push({ ...everything, 'zone/x': '2', 'zone/y': '2', 'site/c': '1' })
  expect(held()?.kinds.map(({ kind, reason }) => [kind, reason])).toEqual([
    ['zone', 'it redefines 2 of 3 of kind zone, more than 30 %'],
  ])
  expect(kinds.worlds.site.things.has('site/c')).toBe(true)
  expect(kinds.worlds.record.things.has('of-c')).toBe(true)
  kinds.worlds.zone.things.delete('zone/z')
  kinds.worlds.zone.wake()
  await until(() => kinds.worlds.zone.things.has('zone/z'))
  expect(kinds.worlds.zone.things.get('zone/x')).toBe('1')
  await engine.approve(idOf(), 'ada')
  await until(() => engine.status().converged)
  expect(kinds.worlds.zone.things.get('zone/x')).toBe('2')
})

test('a kind that follows and is held for itself does not keep what it follows, and needs the same approval', async () => {
  await push({ ...everything, unnamed: '1' })
  expect(held()?.kinds.map(({ kind, reason }) => [kind, reason])).toEqual([['record', 'it removes the last 2 of kind record']])
  await push({ unnamed: '1', 'site/n': '1' })
  const reasons = held()?.kinds.map(({ kind, reason, follows = '' }) => [kind, reason, follows])
  expect(reasons).toContainEqual(['record', 'it removes the last 2 of kind record', 'site'])
  expect(left()).toEqual(all())
  await engine.approve(idOf(), 'ada')
  await until(() => engine.status().converged)
  expect(left()).toEqual(['certificate site/n', 'site site/n'])
})

test('a commit with text that Postgres cannot keep is held and approved like any other, also after one that was held', async () => {
  await push({})
  const first = idOf()
  const odd = { 'zone/x': `${'x'.repeat(199)}😀 cut`, 'zone/y': 'a\0b\ud800' }
  const { desired } = await push({ ...everything, ...odd })
  expect(held()).toMatchObject({ revision: desired, reason: 'it redefines 2 of 3 of kind zone, more than 30 %' })
  const shown = held()?.kinds.flatMap(({ changes }) => changes.flatMap(({ fields }) => fields.map(({ after }) => after)))
  expect(shown).toEqual(expect.arrayContaining([`${'x'.repeat(199)}\ufffd…`, 'a\ufffdb\ufffd']))
  expect((await engine.approve(first, 'ada')).outcome).toBe('replaced')
  expect((await engine.approve(idOf(), 'ada')).outcome).toBe('approved')
  await until(() => kinds.worlds.zone.things.get('zone/x') === odd['zone/x'])
})

test('the last member and something precious are never removed without an approval', async () => {
  await push({ 'site/p': 'precious', ...everything, 'site/c': '3', 'site/d': '4', 'site/e': '5' })
  await push({ ...everything, 'site/c': '3', 'site/d': '4', 'site/e': '5' })
  expect(held()?.reason).toBe('it alters the site that this portal is reached by: site/p')
  expect(left()).toContain('site site/p')
})

test('a hold survives a restart under its ID', async () => {
  await push({})
  const before = held()
  await engine.stop()
  await start()
  expect(held()).toEqual(before)
  await until(() => engine.resource('archive', 'archive/p')?.state === 'held')
  expect(held()).toEqual(before)
  expect(events.filter(({ type }) => type === 'held')).toEqual([])
  expect((await engine.approve(idOf(), 'ada')).outcome).toBe('approved')
  await until(() => engine.status().converged)
})

test('while the database is away a new main is read, and the log does not say that it was not', async () => {
  const lines: string[] = []
  await push({})
  await engine.stop()
  await start({ log: createLog(line => lines.push(line)) })
  await database.store`ALTER TABLE held_commit RENAME TO away`
  const revision = history.commit({ 'zone/x': '1' })
  engine.moved()
  await until(() => lines.some(line => line.includes('what is held cannot be looked at')))
  await database.store`ALTER TABLE away RENAME TO held_commit`
  expect(lines.join('')).not.toContain('main cannot be read')
  kinds.worlds.site.wake()
  await until(() => held()?.revision === revision)
})

test('a commit that came while nothing ran takes the place of the one that was held', async () => {
  await push({})
  const { id } = held() ?? { id: '' }
  await engine.stop()
  const revision = history.commit({ 'zone/x': '1' })
  await start()
  expect(held()).toMatchObject({ revision })
  expect([idOf() === id, (await engine.approve(id, 'ada')).outcome]).toEqual([false, 'replaced'])
  expect((await engine.approve(idOf(), 'ada')).outcome).toBe('approved')
  await until(() => engine.status().converged)
  expect(left()).toEqual(['zone zone/x'])
})

async function killed(when: 'after' | 'within', meanwhile: (child: Bun.Subprocess) => Promise<unknown>): Promise<string> {
  const script = join(import.meta.dir, 'testing', 'approve-and-die.ts')
  const child = Bun.spawn([process.execPath, script, database.home.postgresSockets, when], { stdout: 'pipe', stderr: 'inherit' })
  const reader = child.stdout.getReader()
  const id = new TextDecoder().decode((await reader.read()).value).trim()
  await meanwhile(child)
  await child.exited
  expect(child.signalCode).toBe('SIGKILL')
  return id
}

/** An audit in memory, which forgets at once what it has: whether it is asked again decides the journal. */
function approvalAudit() {
  const written: string[] = []
  return {
    written,
    has: async () => false,
    async record({ hold, by }: ApprovedHold) {
      written.push(`${hold.id} by ${by}: ${hold.kinds.length} kinds`)
    },
  }
}

async function untilAudited(): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  const missing = () => database.store`SELECT 1 FROM held_commit WHERE approved_by IS NOT NULL AND NOT audited`
  while ((await missing()).length > 0) {
    deadline.throwIfAborted()
    await Bun.sleep(10)
  }
}

test('an approval that its door wrote down is not written down again at the next start', async () => {
  await push({})
  const audit = approvalAudit()
  await engine.approve(idOf(), 'ada')
  await until(() => engine.status().converged)
  await engine.stop()
  await start({ approvals: { ...audit, has: async () => true } })
  await untilAudited()
  await engine.stop()
  await start({ approvals: audit })
  await until(() => engine.status().converged)
  expect(audit.written).toEqual([])
})

test('kill -9 right after an approval, before anything of it is done: the next start does all of it, once', async () => {
  await engine.stop()
  history.commit({})
  const id = await killed('after', async () => {})
  forget()
  const audit = approvalAudit()
  await start({ approvals: audit })
  await until(() => engine.status().converged)
  expect(left()).toEqual([])
  expect(applied()).toEqual(all())
  expect(await engine.approve(id, 'ada')).toMatchObject({ outcome: 'already-approved' })
  await untilAudited()
  await engine.stop()
  await start({ approvals: audit })
  await until(() => engine.status().converged)
  expect(audit.written).toEqual([`${id} by ada: 5 kinds`])
  forget()
  await push(everything)
  await push({})
  expect(left()).toEqual(all())
})

test('kill -9 while an approval is being written: nothing of it is let through, and it is still there to be approved', async () => {
  await engine.stop()
  history.commit({})
  const done = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const locking = database.store.begin(async transaction => {
    await transaction`LOCK TABLE kind_target IN SHARE MODE`
    locked.resolve()
    await done.promise
  })
  await locked.promise
  const id = await killed('within', async child => {
    const waits = () =>
      database.store`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%kind_target%'`
    while ((await waits()).length === 0) await Bun.sleep(10)
    child.kill('SIGKILL')
  })
  done.resolve()
  await locking
  await start()
  await until(() => engine.resource('archive', 'archive/p')?.state === 'held')
  expect([idOf(), left()]).toEqual([id, all()])
  expect((await engine.approve(id, 'ada')).outcome).toBe('approved')
  await until(() => engine.status().converged)
  expect(left()).toEqual([])
})

function reconcilerOf(kind: string): AnyReconciler {
  const found = kinds.reconcilers.find(reconciler => reconciler.kind === kind)
  if (found === undefined) throw new Error(`no kind ${kind}`)
  return found
}
