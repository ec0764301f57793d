import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { systemClock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { type RunningEngine, startEngine } from './engine.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { EngineEvent } from './status.ts'
import { createHistory, createWorld, emptyTables } from './testing/world.ts'

let database: TestStore
let engine: RunningEngine | undefined
let world: ReturnType<typeof createWorld>
let history: ReturnType<typeof createHistory>
let events: EngineEvent[]

beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(async () => {
  await database?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await emptyTables(database.store)
  world = createWorld()
  history = createHistory()
  events = []
})
afterEach(async () => {
  await engine?.stop()
  engine = undefined
})

async function start(others: readonly AnyReconciler[] = []): Promise<RunningEngine> {
  engine = await startEngine({
    repository: history.repository,
    reconcilers: [world.reconciler, ...others],
    store: database.store,
    clock: systemClock,
    log: silentLog,
    random: () => 0.5,
    command: 'ai-infra',
    redact: text => text.replaceAll('hunter2', '[secret]'),
  })
  engine.subscribe(event => events.push(event))
  return engine
}

async function push(running: RunningEngine, things: Record<string, string>) {
  const revision = history.commit(things)
  running.moved()
  return running.settled(revision, AbortSignal.timeout(60_000))
}

async function until(running: RunningEngine, test: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  while (!test()) {
    deadline.throwIfAborted()
    await Promise.race([new Promise<void>(resolve => running.subscribe(() => resolve())), Bun.sleep(20)])
  }
}

const state = (running: RunningEngine, key: string) => running.resource('thing', key)?.state

test('a commit is ready only after the world was seen to agree', async () => {
  history.commit({})
  const running = await start()
  const status = await push(running, { a: '1', b: '2' })
  expect([...world.things].sort()).toEqual([
    ['a', '1'],
    ['b', '2'],
  ])
  expect(status.converged).toBe(true)
  expect(status.revision).toBe(status.desired)
  expect(status.resources.map(({ key, state, revision }) => ({ key, state, revision }))).toEqual([
    { key: 'a', state: 'ready', revision: status.desired },
    { key: 'b', state: 'ready', revision: status.desired },
  ])
})

test('a second look at the same commit changes nothing', async () => {
  history.commit({ a: '1' })
  const running = await start()
  await push(running, { a: '1' })
  world.applied.length = 0
  await push(running, { a: '1' })
  expect(world.applied).toEqual([])
})

test('a listener that throws stops nothing', async () => {
  history.commit({})
  const running = await start()
  running.subscribe(() => {
    throw new Error('the reader is gone')
  })
  expect((await push(running, { a: '1' })).converged).toBe(true)
})

test('a retry that a clock set back would put off for hours is made', async () => {
  history.commit({})
  world.break('a', new ApplianceError('failed', 'no luck'))
  const running = await start()
  await push(running, { a: '1' })
  await engine?.stop()
  await database.store`UPDATE retry SET next_at = now() + interval '5 hours'`
  world.mend('a')
  const again = await start()
  await until(again, () => state(again, 'a') === 'ready')
})

test('one broken resource fails alone, and is tried again until it works', async () => {
  history.commit({})
  world.break('b', new ApplianceError('failed', 'no luck'))
  const running = await start()
  const status = await push(running, { a: '1', b: '2', c: '3' })
  expect(status.converged).toBe(false)
  expect([state(running, 'a'), state(running, 'b'), state(running, 'c')]).toEqual(['ready', 'failed', 'ready'])
  expect(running.resource('thing', 'b')?.message).toBe('no luck')
  world.mend('b')
  await until(running, () => state(running, 'b') === 'ready')
  expect(running.status().converged).toBe(true)
  expect((await running.runs('thing', 'b')).map(run => run.outcome)).toEqual(['verified', 'failed'])
})

test('what is urgent is said first, whatever keeps a resource from being ready, and no more once it is', async () => {
  history.commit({})
  world.urgent.set('a', { reason: 'ends-soon', message: 'it ends in 6 days' })
  world.break('a', new ApplianceError('waiting', 'the key is missing'))
  const running = await start()
  await push(running, { a: '1', b: '2' })
  const said = () => {
    const { state = '', reason = '', message = '' } = running.resource('thing', 'a') ?? {}
    return [state, reason, message]
  }
  expect(said()).toEqual(['waiting', 'ends-soon', 'it ends in 6 days: the key is missing'])
  const ending = new Date(Date.now() + 60_000).toISOString()
  await running.suspend({ kind: 'thing', key: 'a', reason: 'by hand', owner: 'ada', until: ending })
  await until(running, () => running.resource('thing', 'a')?.state === 'suspended')
  expect(said().slice(0, 2)).toEqual(['suspended', 'ends-soon'])
  expect(said()[2]).toStartWith('it ends in 6 days: by hand (by ada')
  world.blind(new Error('nothing can be seen'))
  world.wake()
  await until(running, () => running.resource('thing', 'a')?.state === 'waiting')
  expect(said()).toEqual(['waiting', 'ends-soon', 'it ends in 6 days: nothing can be seen'])
  world.blind(undefined)
  world.mend('a')
  await running.resume('thing', 'a')
  await until(running, () => running.resource('thing', 'a')?.state === 'ready')
  expect([said(), running.resource('thing', 'b')?.reason]).toEqual([['ready', '', ''], ''])
})

test('an apply that succeeds without effect is said to have failed: did not converge', async () => {
  history.commit({})
  world.ignore('a')
  const running = await start()
  await push(running, { a: '1' })
  expect(state(running, 'a')).toBe('failed')
  expect(running.resource('thing', 'a')?.reason).toBe('did-not-converge')
})

test('the story of a commit ends when it has settled', async () => {
  history.commit({})
  const running = await start()
  const { desired } = await push(running, { a: '1' })
  const told = running.story(desired).events.length
  expect(told).toBeGreaterThan(0)
  world.things.set('a', 'edited by hand')
  world.wake()
  await until(running, () => world.things.get('a') === '1' && state(running, 'a') === 'ready')
  expect(running.story(desired).events).toHaveLength(told)
})

test('what waits, and would be tried again only in minutes, is tried at once when something that many need has come', async () => {
  const running = await start()
  world.break('a', new ApplianceError('stalled', 'the key is wrong'))
  expect((await push(running, { a: '1', b: '2' })).resources.map(({ state }) => state)).toEqual(['stalled', 'ready'])
  world.mend('a')
  running.retryAll('changed secrets: KEY')
  expect(running.resource('thing', 'a')?.state).toBe('reconciling')
  expect(running.resource('thing', 'b')?.state).toBe('ready')
  await until(running, () => running.resource('thing', 'a')?.state === 'ready')
})

test('a secret in an error or in a plan stands neither in what is shown nor in what is kept', async () => {
  const running = await start()
  world.break('a', new ApplianceError('failed', 'https://ada:hunter2@example.com said no', { hint: 'is hunter2 right?' }))
  const revision = history.commit({ a: '1', hunter2: '2' })
  const state = history.at(revision)
  if (state === undefined) throw new Error('no state')
  expect((await running.plan(state)).changes.map(({ summary }) => summary)).toEqual(['create a', 'create [secret]'])
  running.moved()
  const status = await running.settled(revision, AbortSignal.timeout(60_000))
  expect(status.resources[0]?.message).toBe('https://ada:[secret]@example.com said no (is [secret] right?)')
  const rows =
    await database.store`SELECT summary, message FROM run UNION ALL SELECT '', message FROM retry UNION ALL SELECT '', message FROM resource_status`
  expect(rows.length).toBeGreaterThan(2)
  const shown = events.filter(event => event.type === 'change' || event.type === 'progress')
  const messages = JSON.stringify([
    rows,
    shown.map(event => ('change' in event ? { ...event, change: { ...event.change, key: '' } } : event)),
  ])
  expect(messages).not.toContain('hunter2')
})

test('words of a server elsewhere move no cursor of who reads them, and turn no text', async () => {
  const running = await start()
  world.break('a', new ApplianceError('failed', 'it said:\n\u001b[2Jall is well\u202e'))
  const status = await push(running, { a: '1' })
  const shown = 'it said:\n\\u001b[2Jall is well\\u202e'
  expect(status.resources[0]?.message).toBe(shown)
  expect(events).toContainEqual(expect.objectContaining({ type: 'change', phase: 'failed', message: shown }))
})

test('drift is put back when something wakes the kind', async () => {
  history.commit({})
  const running = await start()
  await push(running, { a: '1' })
  world.things.set('a', 'edited by hand')
  world.wake()
  await until(running, () => world.things.get('a') === '1' && state(running, 'a') === 'ready')
  expect((await running.runs('thing', 'a'))[0]?.trigger).toBe('watch')
})

test('a newer commit takes over from one that is still waiting', async () => {
  history.commit({})
  const running = await start()
  world.close('a')
  const first = history.commit({ a: '1' })
  running.moved()
  await until(running, () => events.some(event => event.type === 'progress'))
  const status = await push(running, { b: '2' })
  expect(status.converged).toBe(true)
  expect([...world.things.keys()]).toEqual(['b'])
  expect(events.some(event => event.type === 'superseded' && event.revision === first)).toBe(true)
})

test('a change that a newer commit overtook after its apply is not said to have failed', async () => {
  history.commit({})
  const running = await start()
  const { apply } = world.reconciler
  let second: string | undefined
  world.reconciler.apply = async (change, context) => {
    await apply(change, context)
    if (second !== undefined) return
    second = history.commit({ a: '2' })
    running.moved()
    await until(running, () => events.some(event => event.type === 'superseded' && event.by === second))
  }
  history.commit({ a: '1' })
  running.moved()
  await until(running, () => running.status().converged && running.status().revision === second)
  expect(world.things.get('a')).toBe('2')
  expect(events.filter(event => event.type === 'change' && event.phase === 'failed')).toEqual([])
  expect((await running.runs('thing', 'a')).map(run => run.outcome)).toEqual(['verified', 'superseded'])
})

test('who waits for the whole waits for what is on its way elsewhere; kinds that come after it do not', async () => {
  const { promise: looked, resolve } = Promise.withResolvers<void>()
  const after: AnyReconciler = {
    ...{ kind: 'later', after: ['thing'], select: () => new Map(), apply: async () => {} },
    observe: async () => resolve(),
    plan: () => ({ changes: [], obstacles: [] }),
  }
  world.spreading.add('a')
  const running = await start([after])
  const revision = history.commit({ a: 'one' })
  running.moved()
  const settled = running.settled(revision, AbortSignal.timeout(60_000))
  await looked
  await until(running, () => state(running, 'a') === 'reconciling')
  expect(running.status().converged).toBe(false)
  expect(await Promise.race([settled, Bun.sleep(50)])).toBeUndefined()
  expect(events.filter(({ type }) => type === 'settled')).toEqual([])
  world.spreading.clear()
  world.wake()
  expect(await settled).toMatchObject({ converged: true, revision })
})

test('a slow change does not keep the others of its kind waiting', async () => {
  history.commit({})
  const running = await start()
  world.close('a')
  history.commit({ a: '1', b: '2' })
  running.moved()
  await until(running, () => state(running, 'b') === 'ready')
  expect(state(running, 'a')).toBe('reconciling')
  world.things.set('b', 'edited')
  world.wake()
  await until(running, () => world.things.get('b') === '2')
  expect(running.status().converged).toBe(false)
  world.open('a')
  await until(running, () => running.status().converged)
})

test('a suspended resource is left alone until it is resumed', async () => {
  history.commit({ a: '1' })
  const running = await start()
  await push(running, { a: '1' })
  const ending = new Date(Date.now() + 60_000).toISOString()
  await running.suspend({ kind: 'thing', key: 'a', reason: 'migration', owner: 'me', until: ending })
  world.things.set('a', 'by hand')
  const status = await push(running, { a: '1', b: '2' })
  expect(world.things.get('a')).toBe('by hand')
  expect(state(running, 'a')).toBe('suspended')
  expect(status.converged).toBe(true)
  const head = running.state()
  if (head === undefined) throw new Error('no state')
  expect(await running.plan(head)).toMatchObject({ changes: [], leftAlone: [{ kind: 'thing', key: 'a', until: ending }] })
  expect(await running.resume('thing', 'a')).toBe(true)
  await until(running, () => world.things.get('a') === '1')
})

test('a plan shows again what an expired suspension hid', async () => {
  history.commit({ a: '1' })
  const running = await start()
  await push(running, { a: '1' })
  const ending = new Date(Date.now() - 1_000).toISOString()
  await running.suspend({ kind: 'thing', key: 'a', reason: 'short', owner: 'me', until: ending })
  const other = history.at(history.commit({ a: '2' }))
  if (other === undefined) throw new Error('no commit')
  expect((await running.plan(other)).changes.map(change => change.key)).toEqual(['a'])
})

test('a suspension ends by itself', async () => {
  history.commit({ a: '1' })
  const running = await start()
  await push(running, { a: '1' })
  await running.suspend({
    kind: 'thing',
    key: 'a',
    reason: 'short',
    owner: 'me',
    until: new Date(Date.now() + 300).toISOString(),
  })
  world.things.set('a', 'by hand')
  await until(running, () => world.things.get('a') === '1')
})

test('what cannot be looked at is not called ready', async () => {
  history.commit({ a: '1' })
  const running = await start()
  await push(running, { a: '1' })
  world.blind(new ApplianceError('waiting', 'nginx does not answer'))
  world.wake()
  await until(running, () => state(running, 'a') === 'waiting')
  expect(running.resource('thing', 'a')?.message).toBe('nginx does not answer')
  world.blind(undefined)
  await until(running, () => running.status().converged)
})

test('retries, suspensions and holds survive a restart, and open runs are closed', async () => {
  history.commit({ a: '1', b: '2', c: '3' })
  world.break('c', new ApplianceError('stalled', 'needs a person'))
  const first = await start()
  await push(first, { a: '1', b: '2', c: '3' })
  await push(first, { a: '1' })
  await database.store`
    INSERT INTO run (id, kind, key, revision, trigger, operation, summary, digest, intent_at)
    VALUES (gen_random_uuid(), 'thing', 'a', 'x', 'drift', 'update', 's', 'd', now())`
  await first.stop()
  const second = await start()
  expect(second.holds()).toHaveLength(1)
  await until(second, () => state(second, 'b') === 'held')
  expect((await second.runs('thing', 'a'))[0]?.outcome).toBe('interrupted')
})

test('the runs of what is long gone are forgotten, those of what is there are not', async () => {
  history.commit({ a: '1' })
  const first = await start()
  await push(first, { a: '1' })
  await first.stop()
  await database.store`
    INSERT INTO run (id, kind, key, revision, trigger, operation, summary, digest, intent_at, ended_at, outcome)
    SELECT gen_random_uuid(), 'thing', key, 'x', 'drift', 'update', 's', 'd', at, at, 'verified'
    FROM (VALUES ('a'), ('gone')) AS resource (key), (VALUES (now() - interval '100 days')) AS time (at)`
  const second = await start()
  const old = () => database.store<{ key: string }[]>`SELECT key FROM run WHERE intent_at < now() - interval '90 days'`
  for (const deadline = AbortSignal.timeout(60_000); (await old()).length > 1; ) deadline.throwIfAborted()
  expect((await old()).map(row => row.key)).toEqual(['a'])
  expect(second.status().desired).not.toBe('')
})

test('sixty runs of a clock that was ahead hide none that comes after it was put right, and drive none out', async () => {
  history.commit({ a: '1' })
  const first = await start()
  await first.stop()
  await database.store`
    INSERT INTO run (id, kind, key, revision, trigger, operation, summary, digest, intent_at, ended_at, outcome)
    SELECT gen_random_uuid(), 'thing', 'a', 'ahead', 'drift', 'update', 's', 'd', at, at, 'verified'
    FROM generate_series(now() + interval '10 years', now() + interval '10 years 59 minutes', interval '1 minute') AS time (at)`
  const second = await start()
  const { revision } = await push(second, { a: '2' })
  await second.stop()
  const third = await start()
  const kept = () => database.store<{ revision: string }[]>`SELECT revision FROM run WHERE kind = 'thing' AND key = 'a'`
  for (const deadline = AbortSignal.timeout(5_000); (await kept()).length > 50; ) deadline.throwIfAborted()
  expect((await third.runs('thing', 'a'))[0]).toMatchObject({ revision, outcome: 'verified' })
})

test('a plan says what a commit would do and changes nothing', async () => {
  history.commit({ a: '1', b: '2' })
  const running = await start()
  await push(running, { a: '1', b: '2' })
  const other = history.at(history.commit({ a: '9', c: '3' }))
  if (other === undefined) throw new Error('no commit')
  const [plan, again] = [await running.plan(other), await running.plan(other)]
  expect(plan.changes.map(change => `${change.operation} ${change.key}`)).toEqual(['update a', 'create c', 'delete b'])
  expect(plan.holds).toHaveLength(1)
  expect(plan.digest).toBe(again.digest)
  expect([...world.things.keys()].sort()).toEqual(['a', 'b'])
})

test('a commit that cannot be read stops nothing and is shown until one that can be read comes', async () => {
  history.commit({ a: '1' })
  const running = await start()
  await push(running, { a: '1' })
  const broken = history.commitUnreadable()
  running.moved()
  await until(running, () => running.resource('desired-state', 'main')?.state === 'stalled')
  expect(running.status()).toMatchObject({ desired: broken, converged: false })
  expect(running.resource('desired-state', 'main')?.message).toContain('agents.yaml:1:1: unknown key')
  world.things.set('a', 'edited by hand')
  world.wake()
  await until(running, () => world.things.get('a') === '1')
  const status = await push(running, { a: '1', b: '2' })
  expect(status.converged).toBe(true)
  expect(running.resource('desired-state', 'main')).toBeUndefined()
})
