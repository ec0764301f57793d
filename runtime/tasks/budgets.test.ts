import { afterAll, beforeAll, expect, test } from 'bun:test'
import { untilTrue } from '../os/testing/until-true.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { taskNamed, taskRoom } from './testing/room.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())

test('a task that has spent its budget is taken back with the reason, and goes on when a person grants as much again', async () => {
  await using room = await taskRoom(database.store)
  room.budgets({ task_tokens: 1_000 })
  const task = taskNamed(await room.submit({ name: 'dear' }), 'dear')
  const { token } = await room.claim(task)
  expect(await room.tasks.progress(task.id, token, { tokens: 999, microdollars: 5 })).toBe(true)
  expect(await room.tasks.progress(task.id, token, { tokens: 1 })).toBe(false)
  const reason = 'the task has spent its budget of 1,000 tokens; retrying it grants as much again'
  expect(await room.now(task)).toMatchObject({ state: 'pending', reason, spent: { tokens: 1_000, microdollars: 5 } })
  expect(await room.tasks.claim(task.id, task.agent)).toEqual({ outcome: 'later', reason })
  expect(await room.tasks.complete(task.id, token, 'late')).toBe(false)
  await untilTrue(() => room.news.length === 1)
  expect(room.news[0]).toMatchObject({ kind: 'held', task: { name: 'dear' } })
  expect(await room.tasks.retry(task.id, 'ada')).toBe(true)
  const again = await room.claim(task)
  expect(await room.tasks.progress(task.id, again.token, { tokens: 500 })).toBe(true)
  expect(await room.tasks.progress(task.id, again.token, { tokens: 500 })).toBe(false)
})

test('dollars and minutes of work are budgets too', async () => {
  await using room = await taskRoom(database.store)
  room.budgets({ task_usd: 0.5, task_minutes: 1 })
  const made = await room.submit({ name: 'money' }, { name: 'time', timeoutSeconds: 3_600 })
  const [money, time] = [taskNamed(made, 'money'), taskNamed(made, 'time')]
  const first = await room.claim(money)
  expect(await room.tasks.progress(money.id, first.token, { microdollars: 500_000 })).toBe(false)
  expect((await room.now(money)).reason).toContain('$0.50')
  const second = await room.claim(time)
  room.clock.pass(59_000)
  expect(await room.tasks.progress(time.id, second.token)).toBe(true)
  room.clock.pass(1_000)
  expect(await room.tasks.progress(time.id, second.token)).toBe(false)
  expect((await room.now(time)).reason).toContain('1 minutes of work')
})

test('an agent that has spent its day claims nothing more before midnight, conversations included', async () => {
  await using room = await taskRoom(database.store)
  room.budgets({ day_tokens: 100 })
  const task = taskNamed(await room.submit({ name: 'tomorrow' }), 'tomorrow')
  expect(await room.tasks.spentBudget(task.agent)).toBe('')
  await room.tasks.book(task.agent, { tokens: 100 })
  expect(await room.tasks.spentBudget(task.agent)).toContain('100 tokens for today')
  expect(await room.tasks.claimNext(task.agent, 1)).toEqual([])
  expect(await room.now(task)).toMatchObject({ state: 'pending', reason: expect.stringContaining('goes on at 00:00 UTC') })
  room.clock.pass(12 * 3_600_000)
  await untilTrue(async () => (await room.now(task)).state === 'ready')
  expect(await room.tasks.claimNext(task.agent, 1)).toHaveLength(1)
})

test('a policy that allows more lets what was held go on', async () => {
  await using room = await taskRoom(database.store)
  room.budgets({ task_tokens: 10 })
  const task = taskNamed(await room.submit({ name: 'held' }), 'held')
  const { token } = await room.claim(task)
  expect(await room.tasks.progress(task.id, token, { tokens: 10 })).toBe(false)
  await room.tasks.reconsider(task.agent)
  expect((await room.now(task)).state).toBe('pending')
  room.budgets({ task_tokens: 1_000 })
  await room.tasks.reconsider(task.agent)
  await untilTrue(async () => (await room.now(task)).state === 'ready')
  expect((await room.tasks.claim(task.id, task.agent)).outcome).toBe('claimed')
})

test('nobody earns a budget back by reporting less than nothing', async () => {
  await using room = await taskRoom(database.store)
  const task = taskNamed(await room.submit({ name: 'sly' }), 'sly')
  const { token } = await room.claim(task)
  for (const tokens of [-1_000, Number.NaN, Number.NEGATIVE_INFINITY]) {
    expect(await room.tasks.progress(task.id, token, { tokens })).toBe(true)
  }
  expect((await room.now(task)).spent.tokens).toBe(0)
})
