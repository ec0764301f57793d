import type { Store } from '../../../runtime/store/store.ts'

export interface Reported {
  readonly said: string
  readonly reference: string
  readonly at: Date
}

/** What was said last, so that a restart says nothing twice. */
export interface Reports {
  get(repository: string, subject: string): Promise<Reported | undefined>
  set(repository: string, subject: string, said: string, reference?: string): Promise<void>
}

export function createReports(store: Store): Reports {
  return {
    async get(repository, subject) {
      const [row] = await store<Reported[]>`
        SELECT said, reference, at FROM forge_report WHERE repository = ${repository} AND subject = ${subject}`
      return row
    },
    async set(repository, subject, said, reference = '') {
      await store`
        INSERT INTO forge_report (repository, subject, said, reference) VALUES (${repository}, ${subject}, ${said}, ${reference})
        ON CONFLICT (repository, subject) DO UPDATE SET said = excluded.said, reference = excluded.reference, at = now()`
      await store`DELETE FROM forge_report WHERE at < now() - interval '90 days'`
    },
  }
}
