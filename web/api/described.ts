import { z } from 'zod'
import { auditTypes } from '../../runtime/audit/event.ts'
import type { Route } from '../door/route.ts'
import { type Documentation, type DocumentedRoute, isDocumented } from './define.ts'
import { approval } from './shapes/approvals.ts'
import { list } from './shapes/engine.ts'

const digest = z.string().describe('Of what the person saw; another one is refused').optional()
const auditHit = z
  .looseObject({
    sequence: z.number().int().describe('Line of the file').optional(),
    timestamp: z.string().describe('ISO 8601'),
    type: z.enum(auditTypes),
    agent: z.string(),
    user: z.string(),
    action: z.string(),
    target: z.string(),
    outcome: z.string(),
  })
  .meta({ id: 'AuditEvent' })
const documentation = (part: Partial<Documentation> & Pick<Documentation, 'tag' | 'summary' | 'answer'>): Documentation => ({
  query: undefined,
  body: undefined,
  ...part,
})

/** What stands in other files of routes, described here by method and path. */
const descriptions: Readonly<Record<string, Documentation>> = {
  'GET /api/approvals': documentation({
    tag: 'approvals',
    summary: 'What waits for a person, and what was decided lately',
    answer: z.object({ waiting: list(approval), recent: list(approval) }),
  }),
  'POST /api/approvals/:id/approve': documentation({
    tag: 'approvals',
    summary: 'Yes, once; with `always` the rule that was shown is committed as well',
    body: z.strictObject({ always: z.boolean().optional(), digest }),
    answer: z.object({ approved: z.string(), rule: z.string().optional() }),
  }),
  'POST /api/approvals/:id/deny': documentation({
    tag: 'approvals',
    summary: 'No, and why: the agent reads it',
    body: z.strictObject({ reason: z.string().max(2_000).optional(), digest }),
    answer: z.object({ denied: z.string() }),
  }),
  'GET /api/audit': documentation({
    tag: 'audit',
    summary: 'What happened, newest first',
    query: z.object({
      type: z.enum(auditTypes).optional(),
      agent: z.string().optional(),
      user: z.string().optional(),
      text: z.string().optional(),
      from: z.string().describe('ISO 8601').optional(),
      to: z.string().describe('ISO 8601').optional(),
      outcome: z.enum(['intent', 'success', 'failure', 'denied']).optional(),
      cursor: z.string().describe('Of the page before').optional(),
      limit: z.number().int().min(1).max(500).optional(),
    }),
    answer: z.object({ events: list(auditHit), cursor: z.string().describe('Of the next page').optional() }),
  }),
}

/** The routes that programs may read about, each with its description. */
export function describedRoutes(routes: readonly Route[]): readonly DocumentedRoute[] {
  return routes.flatMap(route => {
    if (isDocumented(route)) return [route]
    const found = descriptions[`${route.method} ${route.path}`]
    return found === undefined ? [] : [{ ...route, documentation: found }]
  })
}
