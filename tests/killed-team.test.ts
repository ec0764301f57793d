import { expect, test } from 'bun:test'
import { workWhileKilling } from './support/killed-team/killing.ts'

test('messages and tasks are each done once while agents, runtime and Redis are killed with -9 at random', async () => {
  const { lost, doubled, kills } = await workWhileKilling({ messages: 150, tasks: 30, agents: 2, between: 25, patience: 120_000 })
  expect({ lost, doubled }).toEqual({ lost: 0, doubled: 0 })
  expect(Math.min(kills.agents, kills.runtime, kills.redis)).toBeGreaterThan(0)
}, 150_000)
