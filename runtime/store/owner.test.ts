import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Clock } from '../os/clock.ts'
import { applianceId, takeDatabase } from './owner.ts'
import type { StoreAddress } from './store.ts'
import { startTestStore, type TestStore } from './testing/postgres.ts'

let database: TestStore
let address: StoreAddress

beforeAll(async () => {
  database = await startTestStore()
  address = { socketFolder: database.home.postgresSockets, database: 'ai_infrastructure' }
}, 60_000)
afterAll(() => database?.[Symbol.asyncDispose]())

/** Time that passes as fast as somebody waits for it. */
function hurriedClock(): Clock {
  let now = 0
  return {
    now: () => new Date(now),
    sleep: async milliseconds => {
      now += milliseconds
    },
  }
}

test('an appliance keeps its name for good', async () => {
  expect(await applianceId(database.store)).toMatch(/^[0-9a-f-]{36}$/)
  expect(await applianceId(database.store)).toBe(await applianceId(database.store))
})

test('a database is for one appliance at a time', async () => {
  const release = await takeDatabase(address, hurriedClock())
  await expect(takeDatabase(address, hurriedClock())).rejects.toThrow('another appliance uses the database')
  await release()
  await (await takeDatabase(address, hurriedClock()))()
})
