import type { Store } from '../../runtime/store/store.ts'

/** One try to obtain a certificate. */
export interface Attempt {
  readonly host: string
  readonly at: Date
  readonly directory: string
  /** What went wrong; undefined when it was obtained. */
  readonly failure: string | undefined
  /** The authority takes no more questions until then. */
  readonly notBefore: Date | undefined
}

/** What was tried, in Postgres: an authority counts tries, so a restart must not forget any. */
export interface Attempts {
  /** Of each host the one that was written down last first, whatever its time, at most as many as decide what is done next. */
  recent(hosts: readonly string[]): Promise<ReadonlyMap<string, readonly Attempt[]>>
  record(attempt: Attempt): Promise<void>
}

/** Of one host. */
const mostKept = 20

interface Row {
  readonly host: string
  readonly at: Date
  readonly directory: string
  readonly failure: string | null
  readonly notBefore: Date | null
}

export function createAttempts(store: Store): Attempts {
  return {
    async recent(hosts) {
      const rows = await store<Row[]>`
        SELECT host, at, directory, failure, not_before AS "notBefore" FROM certificate_attempt WHERE host = ANY(${[...hosts]}) ORDER BY host, position DESC`
      return Map.groupBy(
        rows.map(row => ({ ...row, failure: row.failure ?? undefined, notBefore: row.notBefore ?? undefined })),
        attempt => attempt.host,
      )
    },
    async record({ host, at, directory, failure, notBefore }) {
      await store`
        INSERT INTO certificate_attempt (host, at, directory, failure, not_before)
        VALUES (${host}, ${at}, ${directory}, ${failure ?? null}, ${notBefore ?? null})`
      await store`
        DELETE FROM certificate_attempt WHERE host = ${host} AND position NOT IN (
          SELECT position FROM certificate_attempt WHERE host = ${host} ORDER BY position DESC LIMIT ${mostKept})`
    },
  }
}
