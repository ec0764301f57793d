import type { KnownSecrets } from '../telemetry/known-secrets.ts'
import { createRedactor } from '../telemetry/redact.ts'
import type { AuditEvent } from './event.ts'

/** Characters of one text, and of the details as JSON. */
const longestText = 4_000
const longestDetails = 16_000

const secretNames = /passw|secret|token|credential|api[-_]?key|private[-_]?key|authorization|cookie/i

/** The event as it may stand in the file: without secrets, known or by their looks, and bounded. */
export function createCleaner(secrets: Pick<KnownSecrets, 'forms'>): (event: AuditEvent) => AuditEvent {
  const redact = createRedactor(secrets)
  const clean = (text: string) => {
    const shown = redact(text)
    return shown.length > longestText ? `${shown.slice(0, longestText)}… (${shown.length} characters)` : shown
  }
  return event => {
    const { details, session, address, ...rest } = event
    return {
      type: rest.type,
      agent: clean(rest.agent),
      user: clean(rest.user),
      action: clean(rest.action),
      target: clean(rest.target),
      outcome: rest.outcome,
      details: details === undefined ? undefined : boundedDetails(cleanFields(details, clean)),
      session: session === undefined ? undefined : clean(session),
      address: address === undefined ? undefined : clean(address),
    }
  }
}

function boundedDetails(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(details)
  return text.length <= longestDetails ? details : { cut: `${text.slice(0, longestText)}…` }
}

const cleanFields = (fields: object, clean: (text: string) => string, depth = 0): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      clean(name),
      secretNames.test(name) && typeof value === 'string' ? '[secret]' : cleanValue(value, clean, depth),
    ]),
  )

function cleanValue(value: unknown, clean: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return clean(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > 8) return '…'
  return Array.isArray(value)
    ? value.slice(0, 1_000).map(item => cleanValue(item, clean, depth + 1))
    : cleanFields(value, clean, depth + 1)
}
