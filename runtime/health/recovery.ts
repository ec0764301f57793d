import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Alerts } from './alerts.ts'
import type { RunningHealth } from './create-health.ts'
import type { AgentHealth } from './health.ts'
import type { RecoveryRecords } from './recovery-records.ts'
import { checkInterval, mostAttempts, type RecoveryStep, recoveryStep } from './recovery-rule.ts'

export interface RecoveryDeps {
  readonly health: Pick<RunningHealth, 'all' | 'subscribe' | 'look'>
  readonly records: RecoveryRecords
  readonly alerts: Pick<Alerts, 'raise' | 'resolve'>
  /** Drains the agent, then replaces its process. */
  readonly restart: (agent: string, by: string) => Promise<void>
  /** Calls back when a restart was asked, by whoever. */
  readonly onRestart: (listener: (agent: string, by: string) => void) => () => void
  /** Gives the tasks that it has not begun to the supervisor, who finds others for them; gives how many those were. */
  readonly handOn: (agent: string, reason: string) => Promise<number>
  /** Whether the agent should run: not while a person has suspended it. */
  readonly wanted: (agent: string) => boolean
  readonly audit: (agent: string, action: string, reason: string) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

export interface Recovery {
  /** Looks every 10 s and whenever the health of an agent changes. */
  start(): void
  stop(): Promise<void>
  /** One look at everybody; resolves when what follows from it is done. */
  check(): Promise<void>
}

/** Who a restart by recovery is by. */
export const recoveryName = 'recovery'

export const agentDown = 'agent-down'

/** Brings agents back that do not come back by themselves; tells a person when that fails. */
export function createRecovery(deps: RecoveryDeps): Recovery {
  const { health, records, clock, log } = deps
  const offlineSince = new Map<string, number>()
  const stops: (() => void)[] = []
  let checking: Promise<void> | undefined
  let again = false

  const noted = (agent: string) => (error: unknown) => log.warn('recovery failed', { key: agent, error: explain(error) })

  const checkOne = async (each: AgentHealth) => {
    const now = clock.now().getTime()
    if (each.status !== 'offline') offlineSince.delete(each.agent)
    else if (!offlineSince.has(each.agent)) offlineSince.set(each.agent, now)
    const facts = { now, offlineSince: offlineSince.get(each.agent), wanted: deps.wanted(each.agent) }
    const step = recoveryStep(each, records.get(each.agent), facts)
    if (step.type === 'none') return
    log.info('recovery', { key: each.agent, step: step.type, reason: each.reason })
    await take(deps, each.agent, step, now)
  }

  const checkAll = async () => {
    for (const each of health.all()) {
      await checkOne(each).catch(noted(each.agent))
    }
  }

  /** One look at a time; asked meanwhile, it looks once more. */
  const check = (): Promise<void> => {
    if (checking !== undefined) {
      again = true
      return checking
    }
    checking = checkAll().finally(() => {
      checking = undefined
      if (!again) return
      again = false
      void check()
    })
    return checking
  }

  return {
    check,
    start() {
      const timer = setInterval(() => {
        health.look()
        void check()
      }, checkInterval)
      stops.push(
        () => clearInterval(timer),
        health.subscribe(() => void check()),
        deps.onRestart((agent, by) => {
          if (by !== recoveryName) void settle(deps, agent, clock.now().getTime()).catch(noted(agent))
        }),
      )
    },
    async stop() {
      for (const stop of stops.splice(0)) stop()
      await checking
    },
  }
}

async function take(
  deps: RecoveryDeps,
  agent: string,
  step: Exclude<RecoveryStep, { type: 'none' }>,
  now: number,
): Promise<void> {
  const { records, audit } = deps
  const before = records.get(agent)
  const attempt = { attempts: (before?.attempts ?? 0) + 1, lastAt: now, escalatedAt: undefined }
  switch (step.type) {
    case 'restart':
      // Counted before it is tried: what ends this process meanwhile must not make it endless.
      await records.put(agent, { ...attempt, pausedUntil: undefined })
      await audit(agent, 'recovery.restarted', step.reason)
      return deps.restart(agent, recoveryName)
    case 'pause':
      await records.put(agent, { ...attempt, pausedUntil: step.until })
      return audit(agent, 'recovery.paused', step.reason)
    case 'escalate':
      return escalate(deps, agent, step.reason, now)
    case 'recovered':
      await settle(deps, agent, before?.lastAt ?? now)
      return audit(agent, 'recovery.recovered', '')
  }
}

async function escalate({ records, alerts, handOn, audit }: RecoveryDeps, agent: string, reason: string, now: number) {
  const handed = await handOn(agent, reason)
  const tasks =
    handed === 0
      ? ''
      : ` ${handed === 1 ? 'One task that waited for it was' : `${handed} tasks that waited for it were`} handed to the supervisor.`
  await alerts.raise({
    severity: 'critical',
    kind: agentDown,
    subject: `agent/${agent}`,
    message: `${agent} needs you: ${reason}, and ${mostAttempts} attempts to bring it back did not help.${tasks} Look at its window, correct the cause, then restart it on its page.`,
  })
  await audit(agent, 'recovery.escalated', reason)
  const before = records.get(agent)
  if (before !== undefined) await records.put(agent, { ...before, escalatedAt: now })
}

/** Attempts begin anew: it is well again, or a person took it in hand. */
async function settle({ records, alerts }: RecoveryDeps, agent: string, lastAt: number): Promise<void> {
  await records.put(agent, { attempts: 0, lastAt, pausedUntil: undefined, escalatedAt: undefined })
  await alerts.resolve(agentDown, `agent/${agent}`)
}
