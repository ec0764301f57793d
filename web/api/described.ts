import { z } from 'zod'
import type { Route } from '../door/route.ts'
import { type Documentation, type DocumentedRoute, isDocumented } from './define.ts'
import { approval } from './shapes/approvals.ts'
import { list } from './shapes/engine.ts'

const digest = z.string().describe('Of what the person saw; another one is refused').optional()
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
}

/** The routes that programs may read about, each with its description. */
export function describedRoutes(routes: readonly Route[]): readonly DocumentedRoute[] {
  return routes.flatMap(route => {
    if (isDocumented(route)) return [route]
    const found = descriptions[`${route.method} ${route.path}`]
    return found === undefined ? [] : [{ ...route, documentation: found }]
  })
}
