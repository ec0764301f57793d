import { createHash } from 'node:crypto'
import type { AuditEvent } from '../audit/event.ts'
import type { Clock } from '../os/clock.ts'

/** Milliseconds in which uses of one secret for one purpose make one line of the audit. */
const span = 24 * 60 * 60_000
const mostRemembered = 10_000

/**
 * Writes down who used which secret. A look every half minute would bury the audit: one line is written when a secret is
 * used for something for the first time since the start, when its value is another one, when it went or came, and once
 * a day, with how often it was used in between.
 */
export function createAccessAudit(
  record: (event: AuditEvent) => Promise<void>,
  clock: Clock,
): (name: string, purpose: string, value: string | undefined) => Promise<void> {
  const told = new Map<string, { readonly mark: string; readonly at: number; uses: number }>()
  return async (name, purpose, value) => {
    const id = `${name}\n${purpose}`
    const mark = value === undefined ? '' : createHash('sha256').update(value).digest('hex')
    const now = clock.now().getTime()
    const last = told.get(id)
    if (last !== undefined && last.mark === mark && now - last.at < span) {
      last.uses += 1
      return
    }
    const since = last === undefined || last.uses === 0 ? {} : { uses_since_last_line: last.uses }
    const rotated = last !== undefined && last.mark !== mark && last.mark !== '' && mark !== '' ? { value: 'another one' } : {}
    await record({
      ...{ type: 'secret_accessed', agent: '', user: '', action: 'secret.read', target: name },
      outcome: value === undefined ? 'failure' : 'success',
      details: { for: purpose, ...since, ...rotated, ...(value === undefined && { why: 'it is not set' }) },
    })
    if (told.size >= mostRemembered) told.clear()
    told.set(id, { mark, at: now, uses: 0 })
  }
}
