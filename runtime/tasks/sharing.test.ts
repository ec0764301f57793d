import { afterAll, beforeAll, expect, test } from 'bun:test'
import { untilTrue } from '../os/testing/until-true.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import type { Task } from './task.ts'
import { type TestRoom, taskNamed, taskRoom } from './testing/room.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())

test('the most urgent goes first, and what waits long enough overtakes it', async () => {
  await using room = await taskRoom(database.store)
  const old = taskNamed(await room.submit({ name: 'old', priority: 3 }), 'old')
  const next = async () => (await room.tasks.claimNext(old.agent, 1))[0]?.task.name
  room.clock.pass(599_000)
  await room.submit({ name: 'urgent', priority: 5 })
  expect(await next()).toBe('urgent')
  room.clock.pass(2_000)
  await room.submit({ name: 'late', priority: 5 })
  expect(await next()).toBe('old')
  expect(await next()).toBe('late')
  expect(await next()).toBeUndefined()
})

test('one key is one task, also when it is asked for twice at once', async () => {
  await using room = await taskRoom(database.store)
  const ask = () => room.submit({ name: 'a', idempotencyKey: `key ${room.clock.now()}` }, { name: 'b', dependsOn: ['a'] })
  const [one, two] = await Promise.all([ask(), ask()])
  const again = await ask()
  expect(taskNamed(two, 'a').id).toBe(taskNamed(one, 'a').id)
  expect(taskNamed(again, 'a').id).toBe(taskNamed(one, 'a').id)
  expect(taskNamed(again, 'b').dependsOn).toEqual([taskNamed(one, 'a').id])
})

test('a submission that is refused adds nothing, and takes nobody else with it', async () => {
  await using room = await taskRoom(database.store)
  const nowhere = crypto.randomUUID()
  const [bad, good] = await Promise.allSettled([
    room.submit({ name: 'a' }, { name: 'b', dependsOn: [nowhere] }),
    room.submit({ name: 'c' }),
  ])
  expect(bad.status).toBe('rejected')
  expect(good.status).toBe('fulfilled')
  const agent = good.status === 'fulfilled' ? taskNamed(good.value, 'c').agent : ''
  expect((await room.tasks.list({ agent })).map(({ name }) => name)).toEqual(['c'])
})

test('eight who claim at once get each task once', async () => {
  await using room = await taskRoom(database.store)
  const made = await room.submit(...Array.from({ length: 40 }, (_, index) => ({ name: `t${index}` })))
  const { agent } = taskNamed(made, 't0')
  const claims = await Promise.all(Array.from({ length: 8 }, () => room.tasks.claimNext(agent, 6)))
  expect(new Set(claims.flat().map(({ task }) => task.id)).size).toBe(40)
  expect(claims.flat()).toHaveLength(40)
})

async function claimed(room: TestRoom, task: Task) {
  const { token } = await room.claim(task)
  return token
}

test('a task that is handed on is the other agent’s; the seventh time ends it with a sentence for a person', async () => {
  await using room = await taskRoom(database.store)
  const task = taskNamed(await room.submit({ name: 'hot' }), 'hot')
  const [code, qa] = [task.agent, task.agent.replace('code', 'qa')]
  const refused = await room.tasks.handOff(task.id, await claimed(room, task), 'nobody', 'why not')
  expect(refused).toMatchObject({ outcome: 'refused' })
  for (let time = 1; time <= 6; time++) {
    const to = time % 2 === 1 ? qa : code
    expect(await room.tasks.handOff(task.id, await claimed(room, task), to, 'not mine')).toEqual({ outcome: 'handed' })
    expect(await room.now(task)).toMatchObject({ agent: to, state: 'ready' })
  }
  const last = await room.tasks.handOff(task.id, await claimed(room, task), qa, 'not mine')
  expect(last).toMatchObject({ outcome: 'ended' })
  expect(await room.now(task)).toMatchObject({ state: 'failed', error: expect.stringContaining('a person decides who does it') })
  await untilTrue(() => room.news.length === 1)
})

test('a finding sends the task above back with everything between, three times at most', async () => {
  await using room = await taskRoom(database.store)
  const made = await room.submit(
    { name: 'code' },
    { name: 'build', dependsOn: ['code'] },
    { name: 'check', agent: 'qa', dependsOn: ['build'] },
    { name: 'other', dependsOn: ['code'] },
    { name: 'deploy', agent: 'infra', dependsOn: ['check'] },
  )
  const [code, build, check, other] = ['code', 'build', 'check', 'other'].map(name => taskNamed(made, name)) as [
    Task,
    Task,
    Task,
    Task,
  ]
  await room.complete(code)
  await room.complete(build)
  const early = await claimed(room, check)
  expect(await room.tasks.rework(check.id, early, 'deploy', 'x')).toMatchObject({ outcome: 'refused' })
  expect(await room.tasks.rework(check.id, early, 'code', ' ')).toMatchObject({ outcome: 'refused' })
  for (let round = 1; round <= 3; round++) {
    const token = await claimed(room, check)
    expect(await room.tasks.rework(check.id, token, 'code', `the title is wrong (${round})`)).toMatchObject({
      outcome: 'reopened',
      round,
    })
    expect(await room.tasks.complete(check.id, token, 'late')).toBe(false)
    const states = await Promise.all([code, build, check, other].map(async task => (await room.now(task)).state))
    expect(states).toEqual(['ready', 'blocked', 'blocked', 'blocked'])
    const again = await room.claim(code)
    expect(again.task.description).toContain(`the title is wrong (${round})`)
    expect(again.task.criteria).toHaveLength(round)
    expect(await room.tasks.complete(code.id, again.token, 'mended')).toBe(true)
    await room.complete(build)
  }
  const ended = await room.tasks.rework(check.id, await claimed(room, check), 'code', 'still wrong')
  expect(ended).toMatchObject({ outcome: 'ended', reason: expect.stringContaining('still wrong') })
  expect((await room.now(check)).state).toBe('failed')
  expect((await room.now(taskNamed(made, 'deploy'))).state).toBe('cancelled')
})
