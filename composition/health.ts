import type { RunningEngine } from '../reconcilers/engine/engine.ts'
import type { AgentsRoom } from '../runtime/bus/create-agents.ts'
import type { TaskLeases } from '../runtime/bus/works-deps.ts'
import { type Alerts, createAlerts } from '../runtime/health/alerts.ts'
import { createHealth, type RunningHealth } from '../runtime/health/create-health.ts'
import type { Health } from '../runtime/health/health.ts'
import { createRecovery } from '../runtime/health/recovery.ts'
import { createRecoveryRecords } from '../runtime/health/recovery-records.ts'
import { createSamples } from '../runtime/health/samples.ts'
import type { Clock } from '../runtime/os/clock.ts'
import type { TasksRoom } from '../runtime/tasks/create-tasks.ts'
import type { Task } from '../runtime/tasks/task.ts'
import type { Ground } from './ground.ts'

export interface HealthRoom {
  readonly health: RunningHealth
  readonly alerts: Alerts
  /** Reads what is known from before, and begins to look after the agents; ends with `started`. */
  start(engine: Pick<RunningEngine, 'resource'>, started: AsyncDisposableStack): Promise<void>
}

/** How the agents are, and what brings them back. */
export function createHealthRoom(ground: Ground, agents: AgentsRoom, tasks: TasksRoom): HealthRoom {
  const { store, clock, log, audit } = ground
  const records = createRecoveryRecords(store)
  const alerts = createAlerts(store, clock)
  const health = createHealth({
    ...{ agents, tasks, records, samples: createSamples(store), clock },
    log: log.with({ component: 'health' }),
  })
  return {
    health,
    alerts,
    async start(engine, started) {
      await alerts.load()
      await health.start()
      started.defer(() => health.stop())
      const recovery = createRecovery({
        ...{ health, records, alerts, clock },
        log: log.with({ component: 'recovery' }),
        restart: agents.restart,
        onRestart: agents.onRestart,
        handOn: (agent, reason) => handOn(agents, tasks, agent, reason),
        wanted: agent => engine.resource('agent', agent)?.state !== 'suspended',
        audit: (agent, action, reason) =>
          audit.record({
            ...{ type: action === 'recovery.escalated' ? 'permission_escalation' : 'agent_started', agent, user: '', action },
            ...{ target: `agent/${agent}`, outcome: 'success', details: { reason } },
          }),
      })
      recovery.start()
      started.defer(() => recovery.stop())
    },
  }
}

/** Leases that an agent gets none of while it rests: its tasks wait until then, and lose no try. */
export function restingLeases(tasks: TasksRoom, health: () => Health, clock: Clock): TaskLeases {
  return {
    ...tasks,
    async claim(id, agent) {
      const until = health().one(agent)?.pausedUntil
      const result = await tasks.claim(id, agent)
      if (until === undefined || result.outcome !== 'claimed') return result
      const reason = `${agent} rests until ${until.slice(11, 16)} UTC: too many of its works failed`
      await tasks.giveBack(id, result.claim.token, reason, Math.max(1_000, Date.parse(until) - clock.now().getTime()))
      return { outcome: 'later', reason }
    },
  }
}

/** Tells the supervisor, in the conversations that asked for them, of the tasks that wait for an agent that stays away. */
async function handOn(agents: AgentsRoom, tasks: TasksRoom, agent: string, reason: string): Promise<number> {
  const waiting = await tasks.list({ agent, states: ['ready', 'assigned', 'in_progress'] })
  if (!agents.names().includes(supervisor) || agent === supervisor) return 0
  for (const [thread, found] of Map.groupBy(waiting, task => task.thread)) {
    const known = thread === undefined ? undefined : await agents.thread(thread)
    await agents.tell({
      ...{ agent: known?.agent ?? supervisor, by: agent, text: newsOf(agent, reason, found), priority: 8 },
      ...(known === undefined ? {} : { thread: known.id }),
    })
  }
  return waiting.length
}

const supervisor = 'supervisor'

const newsOf = (agent: string, reason: string, tasks: readonly Task[]) =>
  [
    `The agent ${agent} is away: ${reason}. Bringing it back failed, and a person is asked. These tasks wait for it:`,
    ...tasks.map(({ id, name, state, description }) => `- ${name} (${state}, id ${id}): ${description.slice(0, 300)}`),
    'Cancel those that another agent can do, and submit them for that agent; leave the others, they go on once it is back.',
  ].join('\n\n')
