import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openPlannedStore, type Store } from '../store/store.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { taskNamed, taskRoom } from './testing/room.ts'

let database: TestStore
let store: Store
beforeAll(async () => {
  database = await startTestStore()
  store = openPlannedStore({ socketFolder: database.home.postgresSockets, database: 'ai_infrastructure' })
}, 60_000)
afterAll(async () => {
  await store.end({ timeout: 1 })
  await database[Symbol.asyncDispose]()
})

test('a task that depends on ten thousand others begins after the last of them', async () => {
  await using room = await taskRoom(store)
  const names = Array.from({ length: 10_000 }, (_, index) => `part${index}`)
  const made = await room.submit(...names.map(name => ({ name })), { name: 'whole', agent: 'qa', dependsOn: names })
  const whole = taskNamed(made, 'whole')
  expect(whole.reason).toMatch(/^waits for part\d+, part\d+, part\d+ and 9997 more$/)
  const finish = async (count: number) => {
    const claims = await room.tasks.claimNext(taskNamed(made, 'part0').agent, count)
    const completed = await Promise.all(claims.map(({ task, token }) => room.tasks.complete(task.id, token, 'done')))
    expect(completed).not.toContain(false)
    return claims.length
  }
  let done = 0
  while (done < 9_999) done += await finish(Math.min(1_000, 9_999 - done))
  expect((await room.now(whole)).state).toBe('blocked')
  await finish(1)
  const { inputs } = await room.claim(whole)
  expect(inputs).toHaveLength(100)
}, 60_000)

test('cancelling the first of a chain of two thousand cancels all of it, and retrying begins it anew', async () => {
  await using room = await taskRoom(store)
  const chain = Array.from({ length: 2_000 }, (_, index) => ({
    name: `step${index}`,
    dependsOn: index === 0 ? [] : [`step${index - 1}`],
  }))
  const made = await room.submit(...chain)
  const [first, last] = [taskNamed(made, 'step0'), taskNamed(made, 'step1999')]
  expect(await room.tasks.cancel(first.id, 'ada')).toBe(true)
  expect(await room.now(last)).toMatchObject({ state: 'cancelled', reason: 'step0, which it needs, was cancelled by ada' })
  expect(await room.tasks.retry(last.id, 'ada')).toBe(true)
  expect((await room.now(first)).state).toBe('ready')
  expect((await room.now(last)).state).toBe('blocked')
}, 60_000)
