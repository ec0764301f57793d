import type { Store } from '../store/store.ts'
import { windowLength } from './health.ts'
import type { Sample } from './window.ts'

/** How works went, in Postgres: figures do not begin anew with a restart of the appliance. */
export interface Samples {
  /** By agent, oldest first. */
  all(): Promise<ReadonlyMap<string, readonly Sample[]>>
  add(agent: string, sample: Sample): Promise<void>
}

interface Row {
  agent: string
  at: Date
  kind: 'question' | 'task'
  succeeded: boolean
  milliseconds: number | null
}

/** Rows of an agent that are kept: those of an hour are rarely more than those of the window. */
const kept = windowLength * 5
/** `sweepEvery`: old rows are removed after so many new ones. */
export function createSamples(store: Store, sweepEvery = 100): Samples {
  let added = 0
  return {
    async all() {
      const rows = await store<Row[]>`
        SELECT agent, at, kind, succeeded, milliseconds FROM (
          SELECT *, row_number() OVER (PARTITION BY agent ORDER BY position DESC) AS n FROM health_sample) AS numbered
        WHERE n <= ${kept} ORDER BY position`
      return new Map([...Map.groupBy(rows, row => row.agent)].map(([agent, found]) => [agent, found.map(sampleOf)]))
    },
    async add(agent, { at, kind, succeeded, milliseconds }) {
      await store`
        INSERT INTO health_sample (agent, at, kind, succeeded, milliseconds)
        VALUES (${agent}, ${new Date(at)}, ${kind}, ${succeeded}, ${milliseconds ?? null})`
      added += 1
      if (added % sweepEvery !== 0) return
      await store`
        DELETE FROM health_sample WHERE position IN (
          SELECT position FROM (
            SELECT position, row_number() OVER (PARTITION BY agent ORDER BY position DESC) AS n FROM health_sample) AS numbered
          WHERE n > ${kept})`
    },
  }
}

const sampleOf = ({ at, kind, succeeded, milliseconds }: Row): Sample => ({
  at: at.getTime(),
  kind,
  succeeded,
  milliseconds: milliseconds ?? undefined,
})
