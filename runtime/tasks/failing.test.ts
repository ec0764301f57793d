import { afterAll, beforeAll, expect, test } from 'bun:test'
import { untilTrue } from '../os/testing/until-true.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { taskNamed, taskRoom } from './testing/room.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())

test('a try that failed is followed by another after a while, and by none when there is none left', async () => {
  await using room = await taskRoom(database.store)
  const made = await room.submit({ name: 'a', maxRetries: 1 }, { name: 'b', dependsOn: ['a'] }, { name: 'c' })
  const [a, b] = [taskNamed(made, 'a'), taskNamed(made, 'b')]
  const first = await room.claim(a)
  expect(await room.tasks.fail(a.id, first.token, 'no such file')).toBe(true)
  expect(await room.now(a)).toMatchObject({
    state: 'pending',
    error: 'no such file',
    reason: 'try 1 of 2 failed; the next begins in 2 s',
  })
  expect((await room.tasks.claim(a.id, a.agent)).outcome).toBe('later')
  room.clock.pass(2_000)
  await untilTrue(async () => (await room.now(a)).state === 'ready')
  const second = await room.claim(a)
  expect(second.task.tries).toBe(2)
  expect(await room.tasks.fail(a.id, second.token, 'still no such file')).toBe(true)
  expect(await room.now(a)).toMatchObject({ state: 'failed', error: 'still no such file' })
  expect(await room.now(b)).toMatchObject({ state: 'cancelled', reason: 'a, which it needs, failed' })
  // The graph goes on with c, and whoever asked knows of a already.
  await untilTrue(() => room.news.length === 1)
  expect(room.news[0]).toMatchObject({ kind: 'failed', task: { name: 'a' } })
  expect(await room.tasks.retry(a.id, 'ada')).toBe(true)
  expect([(await room.now(a)).state, (await room.now(b)).state]).toEqual(['ready', 'blocked'])
})

test('a try that takes too long has failed, and nobody polls for that', async () => {
  await using room = await taskRoom(database.store)
  const task = taskNamed(await room.submit({ name: 'slow', timeoutSeconds: 60, maxRetries: 0 }), 'slow')
  const { token } = await room.claim(task)
  await untilTrue(() => room.clock.sleeps().includes(60_000))
  room.clock.pass(59_000)
  expect(await room.tasks.progress(task.id, token)).toBe(true)
  room.clock.pass(1_000)
  await untilTrue(async () => (await room.now(task)).state === 'failed')
  expect((await room.now(task)).error).toBe('there was no result within 60 s')
  expect(await room.tasks.complete(task.id, token, 'late')).toBe(false)
})

test('waiting for a person or for Claude takes no time from a try, and its lease does not run out', async () => {
  await using room = await taskRoom(database.store)
  const task = taskNamed(await room.submit({ name: 'careful', timeoutSeconds: 60 }), 'careful')
  const { token } = await room.claim(task)
  room.clock.pass(20_000)
  await room.tasks.waits(task.id, token, 'waits for a person to approve')
  room.clock.pass(36_000_000)
  expect(await room.tasks.progress(task.id, token)).toBe(true)
  expect(await room.now(task)).toMatchObject({ state: 'in_progress', reason: 'waits for a person to approve' })
  await room.tasks.waits(task.id, token, '')
  room.clock.pass(39_000)
  expect(await room.tasks.complete(task.id, token, 'done')).toBe(true)
  expect((await room.now(task)).spent.milliseconds).toBe(59_000)
})

test('a claim that is given back goes on by itself, and counts as no try', async () => {
  await using room = await taskRoom(database.store)
  const task = taskNamed(await room.submit({ name: 'patient' }), 'patient')
  const { token } = await room.claim(task)
  expect(await room.tasks.giveBack(task.id, token, 'Claude is away', 30_000)).toBe(true)
  expect(await room.now(task)).toMatchObject({ state: 'pending', reason: 'Claude is away' })
  room.clock.pass(30_000)
  await untilTrue(async () => (await room.now(task)).state === 'ready')
  expect((await room.claim(task)).task.tries).toBe(1)
})

test('a task whose agent is not heard of any more is announced anew; one that loses ten of them has failed', async () => {
  await using room = await taskRoom(database.store)
  const task = taskNamed(await room.submit({ name: 'fatal', timeoutSeconds: 86_400 }), 'fatal')
  for (let loss = 1; loss <= 10; loss++) {
    await untilTrue(() => room.announced.length === loss)
    const { token } = await room.claim(task)
    room.clock.pass(120_000)
    await untilTrue(async () => (await room.now(task)).state !== 'assigned')
    expect(await room.tasks.complete(task.id, token, 'late')).toBe(false)
    expect((await room.now(task)).state).toBe(loss < 10 ? 'ready' : 'failed')
  }
  expect((await room.now(task)).error).toContain('was lost 10 times')
  expect(new Set(room.announced.map(({ id }) => id)).size).toBe(10)
})

test('what became due while nobody ran is seen to at the start', async () => {
  const first = await taskRoom(database.store, 'restart')
  const task = taskNamed(await first.submit({ name: 'left' }), 'left')
  await first.claim(task)
  await first[Symbol.asyncDispose]()
  await database.store`UPDATE task SET due = ${new Date('2026-01-01')}, lease_until = ${new Date('2026-01-01')} WHERE id = ${task.id}`
  await using second = await taskRoom(database.store, 'restart')
  await untilTrue(async () => (await second.now(task)).state === 'ready')
  await untilTrue(() => second.announced.some(({ task: { id } }) => id === task.id))
})

test('what is cancelled stops its holder, and with it goes what depends on it, in other graphs too', async () => {
  await using room = await taskRoom(database.store)
  const a = taskNamed(await room.submit({ name: 'a' }), 'a')
  const b = taskNamed(await room.submit({ name: 'b', dependsOn: [a.id] }), 'b')
  const { token } = await room.claim(a)
  expect(await room.tasks.cancel(a.id, 'person:ada')).toBe(true)
  expect(await room.tasks.cancel(a.id, 'person:ada')).toBe(false)
  expect(await room.tasks.progress(a.id, token)).toBe(false)
  expect(await room.tasks.complete(a.id, token, 'late')).toBe(false)
  expect(await room.now(a)).toMatchObject({ state: 'cancelled', reason: 'cancelled by person:ada' })
  expect((await room.now(b)).state).toBe('cancelled')
  await expect(room.submit({ name: 'c', dependsOn: [a.id] })).rejects.toThrow('which is cancelled')
})

test('ids and tokens that are none are refused, not failed on', async () => {
  await using room = await taskRoom(database.store)
  for (const id of ['', 'x', "'; DROP TABLE task; --", '00000000-0000-0000-0000-000000000000']) {
    expect(await room.tasks.get(id)).toBeUndefined()
    expect(await room.tasks.graph(id)).toEqual([])
    expect(await room.tasks.claim(id, 'code')).toEqual({ outcome: 'settled' })
    expect(await room.tasks.complete(id, 1, '')).toBe(false)
    expect(await room.tasks.progress(id, 1)).toBe(false)
    expect(await room.tasks.fail(id, 2 ** 40, '')).toBe(false)
    expect(await room.tasks.cancel(id, 'ada')).toBe(false)
    expect(await room.tasks.retry(id, 'ada')).toBe(false)
    expect((await room.tasks.rework(id, Number.NaN, 'a', 'b')).outcome).toBe('settled')
  }
})
