import { z } from 'zod'
import type { Audit } from '../../runtime/audit/audit.ts'
import { auditTypes } from '../../runtime/audit/event.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { json, mistakesIn } from '../door/answer.ts'
import type { Route } from '../door/route.ts'

export interface AuditRouteDependencies {
  readonly audit: Pick<Audit, 'search'>
}

const moment = z.coerce.date()
const query = z.strictObject({
  type: z.enum(auditTypes).optional(),
  agent: z.string().max(200).optional(),
  user: z.string().max(300).optional(),
  text: z.string().max(500).optional(),
  from: moment.optional(),
  to: moment.optional(),
  outcome: z.enum(['intent', 'success', 'failure', 'denied']).optional(),
  cursor: z.string().max(30).optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
})

/** What happened, newest first; an empty field asks for nothing. */
export function createAuditRoutes({ audit }: AuditRouteDependencies): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/audit',
      policy: ['operator', 'person'],
      rateLimit: { requests: 300, seconds: 60 },
      audit: false,
      handle: async ({ url }) => json(await audit.search(parseAuditQuery(url.searchParams))),
    },
  ]
}

/** The fields of a search as they stand in an address. */
export function parseAuditQuery(fields: URLSearchParams): z.infer<typeof query> {
  const given = [...fields].filter(([, value]) => value !== '')
  const parsed = query.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  throw new ApplianceError('invalid', mistakesIn(parsed.error))
}
