import { afterAll, beforeAll, expect, test } from 'bun:test'
import { untilTrue } from '../os/testing/until-true.ts'
import { openPlannedStore } from '../store/store.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { createOpenTasks } from './open.ts'
import { taskNamed, taskRoom } from './testing/room.ts'
import type { Touched } from './touched.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())

const touched = (id: string, state: Touched['state'], more: Partial<Touched> = {}): Touched => ({
  ...{ id, graph: 'g', agent: 'code', state, due: null, rank: '0', position: '0' },
  ...more,
})

test('ready tasks stand in the order of their urgency, whatever order they came in', () => {
  const open = createOpenTasks(database.store)
  open.follow([
    touched('late', 'ready', { rank: '5', position: '1' }),
    touched('second', 'ready', { rank: '1', position: '3' }),
    touched('first', 'ready', { rank: '1', position: '2' }),
    touched('other', 'ready', { agent: 'qa' }),
  ])
  expect(open.first('code', 10)).toEqual(['first', 'second', 'late'])
  open.follow([touched('second', 'assigned', { rank: '1', position: '3' })])
  open.follow([touched('late', 'ready', { rank: '0', position: '1' })])
  expect(open.first('code', 10)).toEqual(['late', 'first'])
  expect(open.announced('code')).toEqual(['late', 'first', 'second'])
})

test('a graph is open until its last task has ended, and the nearest time is known', () => {
  const open = createOpenTasks(database.store)
  const at = (milliseconds: number) => new Date(milliseconds)
  open.follow([
    touched('a', 'assigned', { due: at(2_000) }),
    touched('b', 'pending', { due: at(1_000) }),
    touched('c', 'blocked'),
  ])
  expect(open.nextDue()).toEqual(at(1_000))
  expect(open.due(at(2_000), 10)).toEqual(['b', 'a'])
  expect(open.due(at(1_999), 10)).toEqual(['b'])
  open.follow([touched('a', 'completed'), touched('b', 'failed'), touched('c', 'cancelled')])
  expect(open.has('g')).toBe(false)
  expect(open.nextDue()).toBeUndefined()
})

test('a completion whose answer was lost still makes ready what waited for it, and whoever asked is told of the end', async () => {
  const store = openPlannedStore({ socketFolder: database.home.postgresSockets, database: 'ai_infrastructure' })
  await using room = await taskRoom(store)
  const made = await room.submit({ name: 'a' }, { name: 'b', dependsOn: ['a'] })
  const [a, b] = [taskNamed(made, 'a'), taskNamed(made, 'b')]
  const { token } = await room.claim(a)
  let lost: unknown
  await database.store.begin(async elsewhere => {
    // As the commit that the runtime never hears of.
    await elsewhere`UPDATE task SET state = 'completed', result = 'done', due = NULL WHERE id = ${a.id}`
    await elsewhere`UPDATE task SET state = 'ready', open_dependencies = 0, round = 1 WHERE id = ${b.id}`
    const completing = room.tasks.complete(a.id, token, 'done').catch(error => {
      lost = error
    })
    await untilTrue(async () => {
      const ended = await database.store`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()`
      return ended.length > 0
    })
    await completing
  })
  expect(lost).toBeInstanceOf(Error)
  expect((await room.tasks.claimNext(b.agent, 1)).map(({ task }) => task.name)).toEqual(['b'])
  await untilTrue(() => room.announced.some(({ task }) => task.id === b.id))
  await room.complete(b)
  await untilTrue(() => room.news.some(({ kind, graph }) => kind === 'ended' && graph === a.graph))
  await store.end({ timeout: 1 })
}, 60_000)

test('what a submission gives is what reading it gives', async () => {
  await using room = await taskRoom(database.store)
  const before = taskNamed(await room.submit({ name: 'before' }), 'before')
  const names = ['a', 'b', 'c', 'd', 'e']
  const made = await room.submit(
    ...names.map(name => ({ name, criteria: ['it works'] })),
    { name: 'all', dependsOn: [...names, before.id] },
    { name: 'one', dependsOn: [before.id], idempotencyKey: `one of ${before.id}` },
  )
  for (const task of Object.values(made)) {
    const read = await room.now(task)
    expect(task).toEqual({ ...read, dependsOn: read.dependsOn.toSorted() })
  }
  expect(taskNamed(made, 'all').reason).toBe('waits for before, a, b and 3 more')
  expect(taskNamed(made, 'one').reason).toBe('waits for before')
})
