import { type AuditType, auditTypes } from '../../../runtime/audit/event.ts'
import type { AuditSearch } from '../../../runtime/audit/search.ts'

export const outcomes = ['intent', 'success', 'failure', 'denied'] as const

/** What somebody looks for, as it was typed; empty asks for nothing. */
export interface Query {
  readonly text: string
  readonly type: string
  readonly outcome: string
  readonly agent: string
  readonly user: string
  /** `2026-11-22` or `2026-11-22T14:30`, UTC. */
  readonly from: string
  readonly to: string
  readonly cursor: string
}

const names = ['text', 'type', 'outcome', 'agent', 'user', 'from', 'to', 'cursor'] as const

export function queryOf(fields: URLSearchParams): Query {
  const get = (name: (typeof names)[number]) => (fields.get(name) ?? '').trim().slice(0, 300)
  return {
    ...{ text: get('text'), type: get('type'), outcome: get('outcome'), agent: get('agent'), user: get('user') },
    ...{ from: get('from'), to: get('to'), cursor: get('cursor') },
  }
}

/** What it means for the index, and what cannot be meant. */
export function searchOf(query: Query): { readonly search: AuditSearch; readonly mistakes: readonly string[] } {
  const mistakes: string[] = []
  const momentOf = (name: string, text: string): Date | undefined => {
    if (text === '') return undefined
    const at = new Date(/[Zz]|[+-]\d\d:\d\d$/.test(text) ? text : `${text.includes('T') ? text : `${text}T00:00`}Z`)
    if (!Number.isNaN(at.getTime())) return at
    mistakes.push(`${name} is no time: write 2026-11-22 or 2026-11-22T14:30.`)
    return undefined
  }
  const type: AuditType | undefined = auditTypes.find(each => each === query.type)
  const search: AuditSearch = {
    type,
    outcome: outcomes.find(each => each === query.outcome),
    agent: query.agent || undefined,
    user: query.user === '' ? undefined : userOf(query.user),
    text: query.text || undefined,
    from: momentOf('From', query.from),
    to: momentOf('To', query.to),
    cursor: query.cursor || undefined,
    limit: 50,
  }
  return { search, mistakes }
}

/** People are written down with their kind before their name. */
const userOf = (user: string): string => (/^(?:(?:person|operator|author) |operator$)/.test(user) ? user : `person ${user}`)

/** Whether everything is asked for, from the newest on. */
export const isUnfiltered = (query: Query): boolean => Object.values(query).every(value => value === '')

/** The address of the same search, further on. */
export function addressOf(path: string, query: Query, changes: Partial<Query>): string {
  const given = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== '')
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}
