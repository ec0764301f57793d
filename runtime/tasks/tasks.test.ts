import { afterAll, beforeAll, expect, test } from 'bun:test'
import { presets } from '../../desired-state/documents/presets.ts'
import { systemClock } from '../os/clock.ts'
import { silentLog } from '../os/log.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { createTasks, type TasksRoom } from './create-tasks.ts'

let database: TestStore
let tasks: TasksRoom
beforeAll(async () => {
  database = await startTestStore()
  tasks = createTasks({ store: database.store, clock: systemClock, log: silentLog, random: () => 0.5, agents: () => ['code','qa','infra'], policyOf: () => presets[1], announce: async list => console.log('announce', list.map(a=>a.task.name)), told: async news => console.log(news.kind, news.tasks.map(t=>[t.name,t.state])) })
  await tasks.start()
})
afterAll(async () => { await tasks.stop(); await database[Symbol.asyncDispose]() })

test('walk', async () => {
  const [a,b,c] = await tasks.submit({ by: 'supervisor', thread: 't', tasks: [
    { name: 'a', description: 'x', agent: 'code' }, { name: 'b', description: 'x', agent: 'qa', dependsOn: ['a'] }, { name: 'c', description: 'x', agent: 'infra', dependsOn: ['b'] } ] })
  expect([a?.state,b?.state,c?.state]).toEqual(['ready','blocked','blocked'])
  const claim = await tasks.claim(a!.id, 'code')
  if (claim.outcome !== 'claimed') throw new Error(JSON.stringify(claim))
  expect(await tasks.progress(a!.id, claim.claim.token, { tokens: 10, microdollars: 5 })).toBe(true)
  await tasks.waits(a!.id, claim.claim.token, 'approval')
  await tasks.waits(a!.id, claim.claim.token, '')
  expect(await tasks.complete(a!.id, claim.claim.token + 1, 'bad')).toBe(false)
  expect(await tasks.complete(a!.id, claim.claim.token, 'made')).toBe(true)
  const [second] = await tasks.claimNext('qa', 3)
  expect(second?.inputs).toEqual([{ name: 'a', agent: 'code', result: 'made' }])
  console.log(await tasks.rework(b!.id, second!.token, 'a', 'broken'))
  console.log(await tasks.graph(a!.graph))
  const again = (await tasks.claimNext('code', 1))[0]
  expect(await tasks.fail(a!.id, again!.token, 'oops')).toBe(true)
  console.log((await tasks.get(a!.id)))
  expect(await tasks.retry(a!.id, 'x')).toBe(true)
  const third = (await tasks.claimNext('code', 1))[0]
  console.log(await tasks.handOff(a!.id, third!.token, 'infra', 'yours'))
  expect(await tasks.cancel(a!.id, 'ada')).toBe(true)
  await Bun.sleep(200)
  expect(await tasks.retry(c!.id, 'ada')).toBe(true)
  console.log((await tasks.list({states: ['ready','blocked']})).map(t=>[t.name,t.state,t.agent]))
  await Bun.sleep(100)
})
