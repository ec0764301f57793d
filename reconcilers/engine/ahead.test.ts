import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { systemClock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { type RunningEngine, startEngine } from './engine.ts'
import type { AnyReconciler } from './reconciler.ts'
import { createHistory, createWorld, emptyTables } from './testing/world.ts'

let database: TestStore
let engine: RunningEngine
let leader: ReturnType<typeof createWorld>
let follower: ReturnType<typeof createWorld>
let history: ReturnType<typeof createHistory>
/** What the follower did, in order. */
let done: string[]

beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database?.[Symbol.asyncDispose]())
beforeEach(async () => {
  await emptyTables(database.store)
  ;[leader, follower, history, done] = [createWorld(), createWorld(), createHistory(), []]
  history.commit({ a: '1', b: '1', c: '1' })
  engine = await startEngine({
    ...{ repository: history.repository, reconcilers: [leader.reconciler, shadow()], store: database.store },
    ...{ clock: systemClock, log: silentLog, random: () => 0.5, command: 'ai-infra' },
  })
  await until(() => engine.status().converged)
  done.length = 0
})
afterEach(() => engine.stop())

/** A kind that begins while the things it belongs to are being made. */
function shadow(): AnyReconciler {
  const { reconciler } = follower
  return {
    ...{ ...reconciler, kind: 'shadow', after: ['thing'], follows: 'thing', ahead: true },
    plan(desired, observed) {
      const plan = reconciler.plan(desired, observed)
      return { ...plan, changes: plan.changes.map(change => ({ ...change, kind: 'shadow' })) }
    },
    async apply(change, context) {
      const { key } = change
      done.push(`${key} begins`)
      await context.settled?.()
      done.push(`${key} goes on, ${key} of the leader is ${engine.resource('thing', key)?.state}`)
      await reconciler.apply(change, context)
    },
  }
}

function push(things: Record<string, string>): string {
  const revision = history.commit(things)
  engine.moved()
  return revision
}

async function until(test: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  while (!test()) {
    deadline.throwIfAborted()
    await Promise.race([new Promise<void>(resolve => engine.subscribe(() => resolve())), Bun.sleep(20)])
  }
}

const all = { a: '1', b: '1', c: '1' }

test('what may begin ahead does so while its leader is being made, and goes on when that is there', async () => {
  leader.close('d')
  push({ ...all, d: '1' })
  await until(() => done.includes('d begins'))
  expect([leader.things.has('d'), engine.status().converged]).toEqual([false, false])
  leader.open('d')
  await until(() => engine.status().converged)
  expect(done).toEqual(['d begins', 'd goes on, d of the leader is ready'])
})

test('it is told when its leader failed, and again when that has come', async () => {
  leader.break('d', new ApplianceError('failed', 'no luck'))
  push({ ...all, d: '1' })
  await until(() => done.length === 2)
  expect(done).toEqual(['d begins', 'd goes on, d of the leader is failed'])
})

test('nothing begins for a commit that is held; after the approval it does not run before its leader', async () => {
  push({ a: '1' })
  await until(() => engine.holds().length === 1)
  await until(() => engine.resource('thing', 'b')?.state === 'held')
  expect(done).toEqual([])
  leader.close('b')
  leader.close('c')
  expect(await engine.approve(engine.holds()[0]?.id ?? '', 'ada')).toMatchObject({ outcome: 'approved' })
  await until(() => done.length === 2)
  expect(done.sort()).toEqual(['b begins', 'c begins'])
  leader.open('b')
  leader.open('c')
  await until(() => engine.status().converged)
  expect([...follower.things.keys()]).toEqual(['a'])
})

test('a newer commit ends what began ahead for an older one', async () => {
  leader.close('d')
  push({ ...all, d: '1' })
  await until(() => done.includes('d begins'))
  push({ ...all, e: '1' })
  await until(() => engine.status().converged)
  expect(done.filter(line => line.startsWith('d'))).toEqual(['d begins'])
  expect([...follower.things.keys()].sort()).toEqual(['a', 'b', 'c', 'e'])
  expect((await engine.runs('shadow', 'd')).map(({ outcome }) => outcome)).toEqual(['superseded'])
})
