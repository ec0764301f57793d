import { expect, test } from 'bun:test'
import { stateOf } from '../desired-state/testing/tree.ts'
import { createClaudeKey } from './claude-key.ts'

test('a key that could not be had at the start is had soon after what was broken is whole, without a commit', async () => {
  const state = stateOf({ 'settings.yaml': 'claude: { key: "secret:CLAUDE" }\n' })
  let isBroken = true
  let changes = 0
  const slept: number[] = []
  let due = Promise.withResolvers<void>()
  let asleep = Promise.withResolvers<void>()
  const key = await createClaudeKey({
    environment: { anthropicApiKey: undefined, anthropicBaseUrl: undefined },
    repository: { head: async () => 'r1', read: async () => ({ ok: true, state }) },
    secrets: {
      async value() {
        if (isBroken) throw new Error('places.json cannot be read')
        return 'the key of Claude\n'
      },
    },
    clock: {
      now: () => new Date(0),
      sleep(milliseconds, signal) {
        slept.push(milliseconds)
        due = Promise.withResolvers()
        signal?.addEventListener('abort', () => due.resolve(), { once: true })
        asleep.resolve()
        return due.promise
      },
    },
    changed: () => void changes++,
  })
  const later = () => {
    asleep = Promise.withResolvers()
    due.resolve()
    return asleep.promise
  }
  await later()
  expect(key).toMatchObject({ apiKey: undefined, missing: 'places.json cannot be read' })
  isBroken = false
  await later()
  expect(key).toMatchObject({ apiKey: 'the key of Claude', missing: undefined, canAnswer: true })
  expect(changes).toBe(2)
  const looks = slept.length
  key.stop()
  await Bun.sleep(0)
  expect(slept).toEqual(Array.from({ length: looks }, () => 25_000))
})
