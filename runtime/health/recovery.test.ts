import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { silentLog } from '../os/log.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { createAlerts } from './alerts.ts'
import type { AgentHealth } from './health.ts'
import { createRecovery, recoveryName } from './recovery.ts'
import { createRecoveryRecords } from './recovery-records.ts'
import { coolDown, offlineGrace, recoveryStep } from './recovery-rule.ts'
import { createSamples } from './samples.ts'
import { handHeldClock } from './testing/rig.ts'

const well: AgentHealth = {
  agent: 'code',
  status: 'healthy',
  reason: '',
  lastHeartbeat: undefined,
  lastTaskCompleted: undefined,
  tasksCompletedLastHour: 0,
  tasksFailedLastHour: 0,
  avgResponseTimeMs: 0,
  errorRatePercent: 0,
  samples: 0,
  memoryUsageMb: 0,
  cpuPercent: 0,
  currentTask: undefined,
  doing: '',
  waitingFor: '',
  queueDepth: 0,
  uptimeSeconds: 0,
  stalledSince: undefined,
  recoveryAttempts: 0,
  pausedUntil: undefined,
}
const offline: AgentHealth = { ...well, status: 'offline', reason: 'no heartbeat for 30 s' }
const stalled: AgentHealth = { ...well, status: 'unhealthy', reason: 'no progress', stalledSince: '2026-01-02T12:00:00Z' }
const failing = (errorRatePercent: number): AgentHealth => ({
  ...well,
  status: 'unhealthy',
  reason: `${errorRatePercent} % failed`,
  samples: 20,
  errorRatePercent,
})

describe('what recovery does', () => {
  const now = 1_000_000_000
  const facts = { now, offlineSince: undefined, wanted: true }
  const tried = (attempts: number, ago: number) => ({
    attempts,
    lastAt: now - ago,
    pausedUntil: undefined,
    escalatedAt: undefined,
  })

  test('nothing about an agent that is well, degraded, or suspended by a person', () => {
    expect(recoveryStep(well, undefined, facts).type).toBe('none')
    expect(recoveryStep({ ...well, status: 'degraded' }, undefined, facts).type).toBe('none')
    expect(recoveryStep(stalled, undefined, { ...facts, wanted: false }).type).toBe('none')
  })

  test('a window that is being opened again anyway has a minute for it', () => {
    const since = (ago: number) => recoveryStep(offline, undefined, { ...facts, offlineSince: now - ago }).type
    expect(since(offlineGrace - 1)).toBe('none')
    expect(since(offlineGrace)).toBe('restart')
  })

  test('restarts what stalls or fails more than 80 % of its works; what fails less rests', () => {
    expect(recoveryStep(stalled, undefined, facts).type).toBe('restart')
    expect(recoveryStep(failing(81), undefined, facts).type).toBe('restart')
    expect(recoveryStep(failing(80), undefined, facts)).toEqual({ type: 'pause', reason: '80 % failed', until: now + coolDown })
  })

  test('cools down for five minutes after each attempt, and asks a person after the third, once', () => {
    expect(recoveryStep(stalled, tried(1, coolDown - 1), facts).type).toBe('none')
    expect(recoveryStep(stalled, tried(2, coolDown), facts).type).toBe('restart')
    expect(recoveryStep(stalled, tried(3, coolDown), facts).type).toBe('escalate')
    expect(recoveryStep(stalled, { ...tried(3, coolDown), escalatedAt: now - 1 }, facts).type).toBe('none')
  })

  test('believes in a recovery once works went well, or an hour without any has passed', () => {
    expect(recoveryStep({ ...well, samples: 4 }, tried(1, coolDown), facts).type).toBe('none')
    expect(recoveryStep({ ...well, samples: 5 }, tried(1, coolDown), facts).type).toBe('recovered')
    expect(recoveryStep(well, tried(3, 3_600_000), facts).type).toBe('recovered')
    expect(recoveryStep(well, tried(0, 3_600_000), facts).type).toBe('none')
  })
})

describe('recovery', () => {
  let ground: TestStore
  beforeAll(async () => {
    ground = await startTestStore()
  })
  afterAll(() => ground[Symbol.asyncDispose]())
  beforeEach(async () => {
    await ground.store`TRUNCATE health_recovery, alert, health_sample`
  })

  /** A runtime's recovery; another one on the same store is what a restart of the appliance makes. */
  async function runtime(clock = handHeldClock()) {
    const done: string[] = []
    const restarts = new Set<(agent: string, by: string) => void>()
    const records = createRecoveryRecords(ground.store)
    const alerts = createAlerts(ground.store, clock)
    await Promise.all([records.load(), alerts.load()])
    let health = well
    const recovery = createRecovery({
      health: { all: () => [health], subscribe: () => () => {}, look: () => {} },
      records,
      alerts,
      restart: async agent => void done.push(`restart ${agent}`),
      onRestart(listener) {
        restarts.add(listener)
        return () => restarts.delete(listener)
      },
      handOn: async () => 2,
      wanted: () => true,
      audit: async (_agent, action) => void done.push(action),
      clock,
      log: silentLog,
    })
    return {
      ...{ clock, done, records, alerts, recovery },
      async sees(next: AgentHealth) {
        health = next
        await recovery.check()
      },
      restarted(by: string) {
        for (const listener of restarts) listener('code', by)
      },
    }
  }

  test('three attempts and their cool-down survive a restart of the appliance; then a person is told, once', async () => {
    const { clock, ...first } = await runtime()
    await first.sees(stalled)
    await first.sees(stalled)
    clock.pass(coolDown)
    await first.sees(stalled)
    expect(first.done).toEqual(['recovery.restarted', 'restart code', 'recovery.restarted', 'restart code'])

    const second = await runtime(clock)
    await second.sees(stalled)
    expect(second.done).toEqual([])
    clock.pass(coolDown)
    await second.sees(stalled)
    clock.pass(coolDown)
    await second.sees(stalled)
    await second.sees(stalled)
    expect(second.done).toEqual(['recovery.restarted', 'restart code', 'recovery.escalated'])
    expect(second.alerts.open()).toMatchObject([
      {
        severity: 'critical',
        subject: 'agent/code',
        message: expect.stringContaining(
          'code needs you: no progress, and 3 attempts to bring it back did not help. 2 tasks that waited for it were handed to the supervisor.',
        ),
      },
    ])

    const third = await runtime(clock)
    clock.pass(coolDown * 10)
    await third.sees(stalled)
    expect(third.done).toEqual([])
    expect(third.alerts.open()).toHaveLength(1)
  })

  test('the alert goes when the agent is well again', async () => {
    const { sees, clock, alerts, done } = await runtime()
    for (let round = 0; round < 4; round++) {
      await sees(stalled)
      clock.pass(coolDown)
    }
    expect(alerts.open()).toHaveLength(1)
    await sees({ ...well, samples: 5 })
    expect(alerts.open()).toEqual([])
    expect(done.at(-1)).toBe('recovery.recovered')
    expect(await alerts.recent(5)).toMatchObject([{ resolvedAt: expect.any(String) }])
  })

  test("a person's restart begins anew, its own does not", async () => {
    const { sees, clock, recovery, restarted, records, alerts } = await runtime()
    recovery.start()
    for (let round = 0; round < 4; round++) {
      await sees(stalled)
      clock.pass(coolDown)
    }
    restarted(recoveryName)
    expect(alerts.open()).toHaveLength(1)
    const resolved = Promise.withResolvers<void>()
    alerts.subscribe(() => resolved.resolve())
    restarted('ada')
    await resolved.promise
    await recovery.stop()
    expect(records.get('code')).toMatchObject({ attempts: 0, lastAt: clock.now().getTime() })
    expect(alerts.open()).toEqual([])
  })

  test('an agent that fails often, but not always, rests for five minutes', async () => {
    const { sees, done, records, clock } = await runtime()
    await sees(failing(60))
    expect(done).toEqual(['recovery.paused'])
    expect(records.get('code')?.pausedUntil).toBe(clock.now().getTime() + coolDown)
  })

  test('an alert is seen by one person, and raised again it keeps its time', async () => {
    const { alerts, clock } = await runtime()
    const alert = { severity: 'warning', kind: 'k', subject: 's' } as const
    const { id, at } = await alerts.raise({ ...alert, message: 'first' })
    clock.pass(1_000)
    expect(await alerts.raise({ ...alert, message: 'second' })).toMatchObject({ id, at, message: 'second' })
    expect([await alerts.see(id, 'ada'), await alerts.see(id, 'bob')]).toEqual([true, false])
    expect(alerts.open()).toMatchObject([{ seenBy: 'ada' }])
    expect([await alerts.resolve('k', 's'), await alerts.resolve('k', 's')]).toEqual([true, false])
  })

  test('how works went is there again after a restart, and does not grow without end', async () => {
    const samples = createSamples(ground.store, 10)
    const at = Date.parse('2026-01-02T12:00:00Z')
    await ground.store`
      INSERT INTO health_sample (agent, at, kind, succeeded) SELECT 'code', ${new Date(at)}, 'task', false FROM generate_series(1, 600)`
    for (let n = 0; n < 9; n++) await samples.add('code', { at: at + n, kind: 'task', succeeded: true, milliseconds: n })
    await samples.add('qa', { at, kind: 'question', succeeded: false, milliseconds: undefined })
    const found = await createSamples(ground.store).all()
    expect(found.get('code')?.at(-1)).toEqual({ at: at + 8, kind: 'task', succeeded: true, milliseconds: 8 })
    expect(found.get('code')).toHaveLength(500)
    expect(await ground.store`SELECT 1 FROM health_sample WHERE agent = 'code'`).toHaveLength(500)
    expect(found.get('qa')).toEqual([{ at, kind: 'question', succeeded: false, milliseconds: undefined }])
  })
})
