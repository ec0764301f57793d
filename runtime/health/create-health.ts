import type { AgentsRoom } from '../bus/create-agents.ts'
import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Task, Tasks } from '../tasks/task.ts'
import type { AgentHealth, Health } from './health.ts'
import { judge } from './judge.ts'
import { type OpenWork, openWork, stalledSince, withEvent } from './open-work.ts'
import type { RecoveryRecords } from './recovery-records.ts'
import type { Samples } from './samples.ts'
import { signalOf, type WorkSignal } from './signals.ts'
import { type TaskGlance, watchTasks } from './task-watch.ts'
import { figuresOf, type Sample, withSample } from './window.ts'

export interface HealthDeps {
  readonly agents: Pick<AgentsRoom, 'names' | 'report' | 'onReport' | 'subscribe'>
  readonly tasks: Pick<Tasks, 'list' | 'subscribe'>
  readonly samples: Samples
  readonly records: Pick<RecoveryRecords, 'load' | 'get'>
  readonly clock: Clock
  readonly log: Log
}

export interface RunningHealth extends Health {
  /** Reads what is known from before; call it once, when the store is migrated. */
  start(): Promise<void>
  stop(): void
  /** Looks at everybody anew: time alone makes work stall and pauses end. */
  look(): void
}

/** A heartbeat that says idle is older than the work when nothing was heard of that for so long. */
const idleProof = 15_000

export function createHealth(deps: HealthDeps): RunningHealth {
  const { agents, samples, records, clock, log } = deps
  const listeners = new Set<(health: AgentHealth) => void>()
  const windows = new Map<string, readonly Sample[]>()
  const works = new Map<string, OpenWork>()
  const responses = new Map<string, number>()
  const processes = new Map<string, number>()
  const shown = new Map<string, string>()
  const now = () => clock.now().getTime()

  const describe = (agent: string): AgentHealth =>
    healthOf(agent, {
      now: now(),
      report: agents.report(agent),
      window: windows.get(agent) ?? [],
      work: works.get(agent),
      record: records.get(agent),
      tasks: tasks.of(agent),
    })

  const changed = (agent: string) => {
    if (!agents.names().includes(agent)) return
    const health = describe(agent)
    const mark = markOf(health)
    if (shown.get(agent) === mark) return
    shown.set(agent, mark)
    for (const listener of listeners) listener(health)
  }

  const add = (agent: string, kind: Sample['kind'], succeeded: boolean) => {
    const milliseconds = works.get(agent)?.responded ?? responses.get(agent)
    const sample: Sample = { at: now(), kind, succeeded, milliseconds }
    responses.delete(agent)
    windows.set(agent, withSample(windows.get(agent) ?? [], sample))
    samples.add(agent, sample).catch(error => log.warn('sample not kept', { key: agent, error: explain(error) }))
  }

  const tasks = watchTasks(deps.tasks, {
    tried: (agent, succeeded) => add(agent, 'task', succeeded),
    changed,
  })

  const close = (agent: string) => {
    const responded = works.get(agent)?.responded
    if (responded !== undefined) responses.set(agent, responded)
    works.delete(agent)
  }

  const observe = (signal: WorkSignal) => {
    const { agent, work } = signal
    const open = works.get(agent)?.work === work ? works.get(agent) : undefined
    if (signal.type === 'started') {
      responses.delete(agent)
      works.set(agent, openWork(work, tasks.of(agent).some(isRunning), now()))
    } else if (signal.type === 'progress') {
      const began = open ?? openWork(work, signal.task !== undefined, now())
      works.set(agent, withEvent({ ...began, ofTask: signal.task !== undefined }, signal.event, now()))
      if (signal.event.type === 'text' && open !== undefined && stalledSince(open, now()) === undefined) return
    } else {
      if (open === undefined) return
      if (!open.ofTask && signal.outcome !== 'stopped') add(agent, 'question', signal.outcome === 'done')
      close(agent)
    }
    changed(agent)
  }

  const heard = (agent: string) => {
    const report = agents.report(agent)
    const work = works.get(agent)
    // What another process begins anew is told as started again.
    if (report !== undefined && report.pid !== processes.get(agent)) works.delete(agent)
    else if (report?.activity === 'idle' && work !== undefined && now() - work.progressAt > idleProof) close(agent)
    if (report !== undefined) processes.set(agent, report.pid)
    changed(agent)
  }

  const look = () => {
    for (const agent of agents.names()) changed(agent)
  }

  const stops: (() => void)[] = []
  return {
    all: () => agents.names().map(describe),
    one: agent => (agents.names().includes(agent) ? describe(agent) : undefined),
    look,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async start() {
      await records.load()
      for (const [agent, found] of await samples.all()) windows.set(agent, found)
      const follow = agents.subscribe(event => {
        const signal = signalOf(event)
        if (signal !== undefined) observe(signal)
      })
      stops.push(await tasks.start(), agents.onReport(heard), follow)
    },
    stop() {
      for (const stop of stops.splice(0)) stop()
    },
  }
}

interface Known {
  readonly now: number
  readonly report: ReturnType<AgentsRoom['report']>
  readonly window: readonly Sample[]
  readonly work: OpenWork | undefined
  readonly record: ReturnType<RecoveryRecords['get']>
  readonly tasks: readonly TaskGlance[]
}

function healthOf(agent: string, { now, report, window, work, record, tasks }: Known): AgentHealth {
  const figures = figuresOf(window, now, record?.lastAt)
  const stalled = work === undefined ? undefined : stalledSince(work, now)
  const paused = record?.pausedUntil !== undefined && record.pausedUntil > now ? record.pausedUntil : undefined
  const current = tasks.find(isRunning)
  return {
    agent,
    ...judge({
      ...figures,
      online: report !== undefined,
      stalledSeconds: stalled === undefined ? undefined : Math.round((now - stalled) / 1_000),
    }),
    lastHeartbeat: isoOf(report?.at),
    lastTaskCompleted: isoOf(figures.lastTaskCompleted),
    tasksCompletedLastHour: figures.tasksCompletedLastHour,
    tasksFailedLastHour: figures.tasksFailedLastHour,
    avgResponseTimeMs: figures.avgResponseTimeMs,
    errorRatePercent: figures.errorRatePercent,
    samples: figures.samples,
    memoryUsageMb: report?.memoryMb ?? 0,
    cpuPercent: report?.cpuPercent ?? 0,
    currentTask: current?.id,
    doing: report?.doing ?? '',
    waitingFor: work?.waitingFor || (current?.reason ?? ''),
    queueDepth: tasks.filter(({ state }) => waitingStates.has(state)).length,
    uptimeSeconds: report === undefined ? 0 : Math.max(0, Math.round((now - Date.parse(report.startedAt)) / 1_000)),
    stalledSince: isoOf(stalled),
    recoveryAttempts: record?.attempts ?? 0,
    pausedUntil: isoOf(paused),
  }
}

const isRunning = ({ state }: TaskGlance) => state === 'in_progress'

const waitingStates: ReadonlySet<Task['state']> = new Set(['ready', 'assigned'])

const isoOf = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString()

/** Changes when something changed that a person would notice. */
function markOf({ lastHeartbeat, uptimeSeconds, memoryUsageMb, cpuPercent, ...rest }: AgentHealth): string {
  return JSON.stringify(rest)
}
