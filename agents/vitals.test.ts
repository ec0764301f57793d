import { expect, test } from 'bun:test'
import { createVitals, processVitals } from './vitals.ts'

test('the share of the processor is that since the last heartbeat', () => {
  let now = 0
  let cpu = { user: 5_000_000, system: 0 }
  const vitals = createVitals({ memory: () => ({ rss: 64 * 1_048_576 }), cpu: () => cpu, now: () => now })
  now = 10_000
  cpu = { user: 6_000_000, system: 1_000_000 }
  expect(vitals()).toEqual({ memoryMb: 64, cpuPercent: 20 })
  now = 10_001
  expect(vitals()).toEqual({ memoryMb: 64, cpuPercent: 20 })
  now = 20_000
  expect(vitals()).toEqual({ memoryMb: 64, cpuPercent: 0 })
})

test('a real process has memory', () => {
  expect(createVitals(processVitals)().memoryMb).toBeGreaterThan(5)
})
