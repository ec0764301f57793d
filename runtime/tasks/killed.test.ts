import { expect, test } from 'bun:test'
import { startTestStore } from '../store/testing/postgres.ts'
import { workWhileKilling } from './testing/killing.ts'

test('a hundred tasks are each done once while runtime and agents are killed at random', async () => {
  await using database = await startTestStore()
  const { lost, doubled, kills } = await workWhileKilling(database, 100, 60_000)
  expect({ lost, doubled }).toEqual({ lost: 0, doubled: 0 })
  expect(kills).toBeGreaterThan(0)
}, 90_000)
