import type { Store } from '../store/store.ts'
import type { AuditEvent } from './event.ts'

export interface Audit {
  /** Resolves when the event is durable; it is on the disk before anybody is told of the effect. */
  record(event: AuditEvent): Promise<void>
}

export function createAudit(store: Store): Audit {
  return {
    async record({ action, user, agent, target, outcome }) {
      const [who, what] = [
        user || `agent ${agent}`,
        outcome === 'denied' ? 'refused' : outcome === 'failure' ? 'failed' : 'allowed',
      ]
      await store`INSERT INTO audit (event, who, subject, outcome) VALUES (${action}, ${who}, ${target}, ${what})`
    },
  }
}
