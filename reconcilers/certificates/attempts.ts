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
  /** What it refused concerns every host of the account that it was asked with, until then. */
  readonly scope?: 'account'
}

/** What was tried, in Postgres: an authority counts tries, so a restart must not forget any. */
export interface Attempts {
  /** Of each host the one that was written down last first, whatever its time, at most as many as decide what is done next. */
  recent(hosts: readonly string[]): Promise<ReadonlyMap<string, readonly Attempt[]>>
  /** By directory: the last refusal that concerned the whole account. */
  ofAccounts(): Promise<ReadonlyMap<string, Attempt>>
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
  readonly scope: 'account' | null
}

export function createAttempts(store: Store): Attempts {
  return {
    async recent(hosts) {
      const rows = await store<Row[]>`
        SELECT host, at, directory, failure, not_before AS "notBefore", scope FROM certificate_attempt WHERE host = ANY(${[...hosts]}) ORDER BY host, position DESC`
      return Map.groupBy(rows.map(attemptOf), attempt => attempt.host)
    },
    async ofAccounts() {
      const rows = await store<Row[]>`
        SELECT DISTINCT ON (directory) host, at, directory, failure, not_before AS "notBefore", scope
        FROM certificate_attempt WHERE scope = 'account' ORDER BY directory, position DESC`
      return new Map(rows.map(row => [row.directory, attemptOf(row)]))
    },
    async record({ host, at, directory, failure, notBefore, scope }) {
      await store`
        INSERT INTO certificate_attempt (host, at, directory, failure, not_before, scope)
        VALUES (${host}, ${at}, ${directory}, ${failure ?? null}, ${notBefore ?? null}, ${scope ?? null})`
      await store`
        DELETE FROM certificate_attempt WHERE host = ${host} AND position NOT IN (
          SELECT position FROM certificate_attempt WHERE host = ${host} ORDER BY position DESC LIMIT ${mostKept})`
    },
  }
}

const attemptOf = ({ failure, notBefore, scope, ...row }: Row): Attempt => ({
  ...{ ...row, failure: failure ?? undefined, notBefore: notBefore ?? undefined },
  ...(scope === null ? {} : { scope }),
})
