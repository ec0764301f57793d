import { windowLength } from './health.ts'

/** How one work went. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly kind: 'question' | 'task'
  readonly succeeded: boolean
  /** To the first sign of it; undefined when none was seen. */
  readonly milliseconds: number | undefined
}

export interface WindowFigures {
  readonly samples: number
  readonly errorRatePercent: number
  readonly avgResponseTimeMs: number
  readonly tasksCompletedLastHour: number
  readonly tasksFailedLastHour: number
  readonly lastTaskCompleted: number | undefined
}

const hour = 3_600_000
/** More tasks of one agent in an hour than this are not counted. */
const most = 1_000

/** Adds a sample; what nobody looks at any more is dropped. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples, sample]
    .filter((each, at, all) => all.length - at <= windowLength || each.at > sample.at - hour)
    .slice(-most)
}

/** The figures of an agent. `since`: samples from before its last recovery say nothing about it any more. */
export function figuresOf(samples: readonly Sample[], now: number, since = 0): WindowFigures {
  const judged = samples.slice(-windowLength).filter(({ at }) => at > since)
  const times = judged.flatMap(({ milliseconds }) => milliseconds ?? [])
  const tasks = samples.filter(({ kind }) => kind === 'task')
  const lately = tasks.filter(({ at }) => at > now - hour)
  return {
    samples: judged.length,
    errorRatePercent: share(judged.filter(({ succeeded }) => !succeeded).length, judged.length),
    avgResponseTimeMs: times.length === 0 ? 0 : Math.round(times.reduce((sum, time) => sum + time, 0) / times.length),
    tasksCompletedLastHour: lately.filter(({ succeeded }) => succeeded).length,
    tasksFailedLastHour: lately.filter(({ succeeded }) => !succeeded).length,
    lastTaskCompleted: tasks.findLast(({ succeeded }) => succeeded)?.at,
  }
}

const share = (part: number, whole: number) => (whole === 0 ? 0 : Math.round((part / whole) * 1_000) / 10)
