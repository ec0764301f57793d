import { describe, expect, test } from 'bun:test'
import type { WorkEvent } from '../bus/work.ts'
import { stallLimit, toolStallLimit } from './health.ts'
import { judge } from './judge.ts'
import { healthRig, taskOf } from './testing/rig.ts'
import { figuresOf, type Sample, withSample } from './window.ts'

const fine = { online: true, errorRatePercent: 0, avgResponseTimeMs: 0, samples: 100, stalledSeconds: undefined }

describe('a status follows the thresholds of the plan', () => {
  const cases = [
    [{}, 'healthy'],
    [{ errorRatePercent: 20, avgResponseTimeMs: 30_000 }, 'healthy'],
    [{ errorRatePercent: 20.1 }, 'degraded'],
    [{ avgResponseTimeMs: 30_001 }, 'degraded'],
    [{ errorRatePercent: 50 }, 'degraded'],
    [{ errorRatePercent: 50.1 }, 'unhealthy'],
    [{ errorRatePercent: 100, samples: 4 }, 'healthy'],
    [{ stalledSeconds: 200, samples: 0 }, 'unhealthy'],
    [{ online: false, errorRatePercent: 100 }, 'offline'],
  ] as const
  for (const [change, status] of cases) {
    test(`${JSON.stringify(change)} is ${status}`, () => {
      const found = judge({ ...fine, ...change })
      expect(found.status).toBe(status)
      expect(found.reason === '').toBe(status === 'healthy')
    })
  }
})

describe('the window', () => {
  const sample = (at: number, succeeded: boolean, milliseconds?: number): Sample => ({
    at,
    kind: 'task',
    succeeded,
    milliseconds,
  })

  test('holds the last hundred works for rates, and an hour of tasks for counts', () => {
    let samples: readonly Sample[] = []
    for (let n = 0; n < 150; n++) samples = withSample(samples, sample(10_000_000 + n, n >= 50, n))
    const figures = figuresOf(samples, 10_000_150)
    expect(figures).toMatchObject({ samples: 100, errorRatePercent: 0, tasksCompletedLastHour: 100, tasksFailedLastHour: 50 })
    expect(figures.avgResponseTimeMs).toBe(Math.round((50 + 149) / 2))
  })

  test('forgets for rates what was before a recovery, not what was done', () => {
    const samples = [sample(1, false), sample(2, false), sample(3, true)]
    expect(figuresOf(samples, 10, 2)).toMatchObject({ samples: 1, errorRatePercent: 0, tasksFailedLastHour: 2 })
  })
})

const text: WorkEvent = { type: 'text', text: 'a' }

describe('the health of an agent', () => {
  test('is offline until a heartbeat, then shows what the heartbeat tells', async () => {
    const { health, beat, clock } = healthRig()
    await health.start()
    expect(health.one('code')).toMatchObject({ status: 'offline', uptimeSeconds: 0 })
    clock.pass(60_000)
    beat('code', { doing: 'building', memoryMb: 80, cpuPercent: 12 })
    expect(health.one('code')).toMatchObject({
      ...{ status: 'healthy', doing: 'building', memoryUsageMb: 80, cpuPercent: 12, uptimeSeconds: 60 },
      lastHeartbeat: clock.now().toISOString(),
    })
    expect(health.one('nobody')).toBeUndefined()
  })

  test('counts the tasks that wait for it and names the one that it works on, also from before the start', async () => {
    const { health, task } = healthRig(['code'], [taskOf({ id: 'old', agent: 'code', state: 'ready' })])
    await health.start()
    task({ id: 'a', agent: 'code', state: 'ready' })
    task({ id: 'b', agent: 'code', state: 'in_progress' })
    task({ id: 'c', agent: 'qa', state: 'ready' })
    task({ id: 'd', agent: 'code', state: 'pending' })
    expect(health.one('code')).toMatchObject({ queueDepth: 2, currentTask: 'b' })
    task({ id: 'b', agent: 'code', state: 'completed' })
    expect(health.one('code')).toMatchObject({ queueDepth: 2, currentTask: undefined, tasksCompletedLastHour: 1 })
  })

  test('a try of a task that failed counts, one that was handed off or sent back does not', async () => {
    const { health, task } = healthRig()
    await health.start()
    const begin = () => task({ id: 'a', agent: 'code', state: 'in_progress' })
    begin()
    task({ id: 'a', agent: 'code', state: 'ready', error: 'no such file' })
    begin()
    task({ id: 'a', agent: 'code', state: 'blocked', error: 'no such file' })
    begin()
    task({ id: 'a', agent: 'qa', state: 'ready', error: 'no such file' })
    expect(health.one('code')).toMatchObject({ tasksFailedLastHour: 1, samples: 1, errorRatePercent: 100 })
  })

  test('its response time is that to the first sign of a work, waits aside', async () => {
    const { health, clock, kept, begins, tells, ends } = healthRig()
    await health.start()
    begins('w')
    tells('w', { type: 'waiting', reason: 'Claude is away' })
    expect(health.one('code')).toMatchObject({ waitingFor: 'Claude is away' })
    clock.pass(600_000)
    tells('w', { type: 'waiting', reason: '' })
    clock.pass(2_000)
    tells('w', text)
    clock.pass(50_000)
    ends('w', 'done')
    expect(health.one('code')).toMatchObject({ avgResponseTimeMs: 2_000, samples: 1, errorRatePercent: 0, waitingFor: '' })
    expect(kept).toEqual([
      { agent: 'code', sample: { at: clock.now().getTime(), kind: 'question', succeeded: true, milliseconds: 2_000 } },
    ])
  })

  test('goes unhealthy when most of its works fail', async () => {
    const { health, beat, begins, ends } = healthRig()
    await health.start()
    beat('code')
    const seen: string[] = []
    health.subscribe(({ status }) => void seen.push(status))
    for (const outcome of ['done', 'done', 'failed', 'failed', 'failed'] as const) {
      begins('w')
      ends('w', outcome)
    }
    expect(health.one('code')).toMatchObject({ status: 'unhealthy', reason: '60 % of its last 5 works failed' })
    expect(seen.at(-1)).toBe('unhealthy')
  })

  test('whom a person interrupted has not failed, and a task counts once', async () => {
    const { health, begins, tells, ends, task } = healthRig()
    await health.start()
    begins('w')
    ends('w', 'failed', 'half an answer\n\n[stopped by Ada]')
    expect(health.one('code')).toMatchObject({ samples: 0 })
    task({ id: 'a', agent: 'code', state: 'in_progress' })
    begins('v')
    tells('v', text, 'a')
    task({ id: 'a', agent: 'code', state: 'completed' })
    ends('v', 'done')
    expect(health.one('code')).toMatchObject({ samples: 1, tasksCompletedLastHour: 1 })
  })
})

describe('a stall is seen by missing progress', () => {
  const working = async () => {
    const rig = healthRig()
    await rig.health.start()
    rig.beat('code', { activity: 'answering' })
    rig.begins('w')
    const pass = (milliseconds: number) => {
      rig.clock.pass(milliseconds)
      rig.beat('code', { activity: 'answering' })
      return rig.health.one('code')
    }
    const tell = (event: WorkEvent) => rig.tells('w', event)
    return { ...rig, pass, tell }
  }

  test('although its heart beats, and ends with the next sign', async () => {
    const { pass, tell, health } = await working()
    expect(pass(stallLimit)).toMatchObject({ status: 'healthy', stalledSince: undefined })
    expect(pass(1_000)).toMatchObject({ status: 'unhealthy', stalledSince: '2026-01-02T12:00:00.000Z' })
    tell(text)
    expect(health.one('code')).toMatchObject({ status: 'healthy', stalledSince: undefined })
  })

  test('a tool may take its time', async () => {
    const { pass, tell } = await working()
    tell({ type: 'tool-started', call: '1', tool: 'run', title: 'npm test' })
    expect(pass(toolStallLimit)).toMatchObject({ status: 'healthy' })
    expect(pass(1_000)).toMatchObject({ status: 'unhealthy' })
  })

  test('who waits for a person or for Claude does not stall', async () => {
    const { pass, tell } = await working()
    tell({ type: 'waiting', reason: 'an approval' })
    expect(pass(86_400_000)).toMatchObject({ status: 'healthy', waitingFor: 'an approval' })
  })

  test('work that another process lost, or that an idle process forgot, is none', async () => {
    const { pass, beat, clock, health, begins } = await working()
    clock.pass(stallLimit + 1_000)
    beat('code', { activity: 'idle', pid: 101 })
    expect(health.one('code')).toMatchObject({ status: 'healthy' })
    begins('w')
    clock.pass(20_000)
    beat('code', { activity: 'idle', pid: 101 })
    clock.pass(stallLimit)
    expect(pass(0)).toMatchObject({ status: 'healthy' })
  })
})

test('listeners hear of what a person would notice, not of each heartbeat', async () => {
  const { health, beat, clock } = healthRig()
  await health.start()
  let calls = 0
  const stop = health.subscribe(() => calls++)
  beat('code')
  expect(calls).toBe(1)
  clock.pass(10_000)
  beat('code', { memoryMb: 41, cpuPercent: 3 })
  expect(calls).toBe(1)
  beat('code', { doing: 'something' })
  expect(calls).toBe(2)
  stop()
  beat('code', { doing: 'else' })
  expect(calls).toBe(2)
})
