import { afterAll, beforeAll, expect, test } from 'bun:test'
import { untilTrue } from '../os/testing/until-true.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import type { Task } from './task.ts'
import { taskNamed, taskRoom } from './testing/room.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())

test('a task begins when all that it needs is completed, and is given what came of that', async () => {
  await using room = await taskRoom(database.store)
  const made = await room.submit(
    { name: 'code' },
    { name: 'copy', agent: 'infra' },
    { name: 'check', agent: 'qa', dependsOn: ['code', 'copy'] },
  )
  const check = taskNamed(made, 'check')
  expect(check.state).toBe('blocked')
  expect(check.reason).toBe('waits for code, copy')
  await room.complete(taskNamed(made, 'code'), 'the page is there')
  expect((await room.now(check)).reason).toBe('waits for copy')
  expect(await room.tasks.claim(check.id, check.agent)).toEqual({ outcome: 'settled' })
  await room.complete(taskNamed(made, 'copy'), 'copied')
  expect((await room.now(check)).state).toBe('ready')
  const { inputs, task, token } = await room.claim(check)
  expect(inputs.map(({ name, result }) => [name, result])).toEqual([
    ['code', 'the page is there'],
    ['copy', 'copied'],
  ])
  expect([task.state, task.tries]).toEqual(['assigned', 1])
  expect(await room.tasks.progress(check.id, token)).toBe(true)
  expect((await room.now(check)).state).toBe('in_progress')
  expect(await room.tasks.complete(check.id, token, 'fine')).toBe(true)
  expect(await room.now(check)).toMatchObject({ state: 'completed', result: 'fine', reason: '' })
})

test('whoever holds an older claim can neither report nor finish', async () => {
  await using room = await taskRoom(database.store)
  const { a } = await room.submit({ name: 'a' })
  const task = a as Task
  const first = await room.claim(task)
  const second = await room.claim(task)
  expect(second.task.tries).toBe(1)
  expect(await room.tasks.progress(task.id, first.token, { tokens: 7 })).toBe(false)
  expect(await room.tasks.complete(task.id, first.token, 'late')).toBe(false)
  expect(await room.tasks.fail(task.id, first.token, 'late')).toBe(false)
  expect((await room.tasks.handOff(task.id, first.token, task.agent, 'late')).outcome).toBe('settled')
  expect(await room.tasks.complete(task.id, second.token, 'in time')).toBe(true)
  expect(await room.tasks.complete(task.id, second.token, 'twice')).toBe(false)
  expect(await room.now(task)).toMatchObject({ result: 'in time', spent: { tokens: 7 } })
})

test('each ready task is announced once, with an id that stays, and again after a restart', async () => {
  await using room = await taskRoom(database.store)
  const made = await room.submit({ name: 'a' }, { name: 'b', dependsOn: ['a'] })
  await untilTrue(() => room.announced.length === 1)
  await room.complete(taskNamed(made, 'a'))
  await untilTrue(() => room.announced.length === 2)
  expect(room.announced.map(({ task }) => task.name)).toEqual(['a', 'b'])
  await room.tasks.catchUp(taskNamed(made, 'b').agent)
  expect(room.announced[2]?.id).toBe(room.announced[1]?.id)
  expect(room.announced[2]?.id).not.toBe(room.announced[0]?.id)
})

test('who asked is told once when the whole graph has ended', async () => {
  await using room = await taskRoom(database.store)
  const made = await room.submit({ name: 'a' }, { name: 'b', dependsOn: ['a'] })
  await room.complete(taskNamed(made, 'a'))
  await room.complete(taskNamed(made, 'b'), 'all of it')
  await untilTrue(() => room.news.length > 0)
  const [news] = room.news
  expect(news).toMatchObject({ kind: 'ended', by: 'supervisor', thread: 'a-thread' })
  expect(news?.tasks.map(({ result }) => result)).toEqual(['a done', 'all of it'])
  await room.tasks.catchUp()
  expect(room.news.length).toBe(1)
})

test('listeners see each change as it is', async () => {
  await using room = await taskRoom(database.store)
  const seen: string[] = []
  const stop = room.tasks.subscribe(({ task }) => seen.push(`${task.name} ${task.state}`))
  const made = await room.submit({ name: 'a' })
  await untilTrue(() => seen.includes('a ready'))
  await room.complete(taskNamed(made, 'a'))
  await untilTrue(() => seen.includes('a completed'))
  stop()
})
