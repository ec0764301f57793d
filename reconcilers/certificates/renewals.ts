import type { Store } from '../../runtime/store/store.ts'

/** What an authority has said of one certificate, and what was made of it. */
export interface Renewal {
  /** Id of the certificate. */
  readonly certificate: string
  readonly host: string
  /** The window that was suggested, and the moment in it that was drawn; undefined where the authority says nothing. */
  readonly suggested: { readonly start: Date; readonly end: Date; readonly moment: Date } | undefined
  readonly explanation: string | undefined
  /** When it is asked again. */
  readonly askAt: Date
  /** Questions in a row that got no answer. */
  readonly failures: number
}

/** In Postgres: a restart draws no other moment, and asks no more often. */
export interface Renewals {
  /** By id of the certificate. */
  of(certificates: readonly string[]): Promise<ReadonlyMap<string, Renewal>>
  /** Keeps it; what was known of other certificates of the host is forgotten. */
  keep(renewal: Renewal): Promise<void>
}

interface Row {
  readonly certificate: string
  readonly host: string
  readonly start: Date | null
  readonly end: Date | null
  readonly moment: Date | null
  readonly explanation: string | null
  readonly askAt: Date
  readonly failures: number
}

export function createRenewals(store: Store): Renewals {
  return {
    async of(certificates) {
      const rows = await store<Row[]>`
        SELECT certificate, host, window_start AS start, window_end AS end, moment, explanation, ask_at AS "askAt", failures
        FROM certificate_renewal WHERE certificate = ANY(${[...certificates]})`
      return new Map(rows.map(row => [row.certificate, renewalOf(row)]))
    },
    async keep({ certificate, host, suggested, explanation, askAt, failures }) {
      const { start = null, end = null, moment = null } = suggested ?? {}
      await store.begin(async transaction => {
        await transaction`DELETE FROM certificate_renewal WHERE host = ${host}`
        await transaction`
          INSERT INTO certificate_renewal (certificate, host, window_start, window_end, moment, explanation, ask_at, failures)
          VALUES (${certificate}, ${host}, ${start}, ${end}, ${moment}, ${explanation ?? null}, ${askAt}, ${failures})`
      })
    },
  }
}

function renewalOf({ start, end, moment, explanation, ...row }: Row): Renewal {
  const suggested = start === null || end === null || moment === null ? undefined : { start, end, moment }
  return { ...row, suggested, explanation: explanation ?? undefined }
}
