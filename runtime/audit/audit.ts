import type { Store } from '../store/store.ts'

export interface AuditRecord {
  /** What was asked for: `hold.approved`. */
  readonly event: string
  /** `person ada@example.com`, `agent code`, `operator root`. */
  readonly who: string
  /** What it was about; never a secret. */
  readonly subject: string
  readonly outcome: 'allowed' | 'refused' | 'failed'
}

export interface Audit {
  /** Resolves when the record is durable. */
  record(record: AuditRecord): Promise<void>
}

export function createAudit(store: Store): Audit {
  return {
    async record({ event, who, subject, outcome }) {
      await store`INSERT INTO audit (event, who, subject, outcome) VALUES (${event}, ${who}, ${subject}, ${outcome})`
    },
  }
}
