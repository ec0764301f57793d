import type { Audit } from '../../../runtime/audit/audit.ts'
import type { AuditLine } from '../../../runtime/audit/event.ts'
import type { AuditSearch } from '../../../runtime/audit/search.ts'

/** An audit in memory. */
export interface FakeAudit extends Pick<Audit, 'search' | 'subscribe'> {
  write(event: Partial<AuditLine>): void
  readonly searches: AuditSearch[]
}

export function fakeAudit(): FakeAudit {
  const lines: AuditLine[] = []
  const searches: AuditSearch[] = []
  const listeners = new Set<(line: AuditLine) => void>()
  return {
    searches,
    write(event) {
      const sequence = lines.length + 1
      const line: AuditLine = {
        ...{
          type: 'api_call',
          agent: '',
          user: 'person ada@example.com',
          action: 'chat-say',
          target: '/chat',
          outcome: 'success',
        },
        ...{ id: `e${sequence}`, sequence, timestamp: new Date().toISOString(), previous: '', hash: '' },
        ...event,
      }
      lines.push(line)
      for (const listener of listeners) listener(line)
    },
    async search(search) {
      searches.push(search)
      const { limit = 100, text = '', cursor } = search
      const wanted = lines.filter(
        line => JSON.stringify(line).includes(text) && (cursor === undefined || line.sequence < Number(cursor)),
      )
      const events = wanted.toReversed().slice(0, limit)
      return { events, cursor: wanted.length > limit ? String(events.at(-1)?.sequence) : undefined }
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
