import { z } from 'zod'

/** What the appliance answers, as the command line reads it. */

const resource = z.object({
  kind: z.string(),
  key: z.string(),
  state: z.string(),
  reason: z.string(),
  message: z.string(),
  revision: z.string(),
  since: z.string(),
})

export const statusShape = z.object({
  revision: z.string(),
  desired: z.string(),
  converged: z.boolean(),
  resources: z.array(resource),
})

export const waitShape = statusShape.extend({ milliseconds: z.number() })

const heldOperation = z.enum(['create', 'update', 'delete'])

const holdShape = z.object({
  id: z.string(),
  digest: z.string(),
  revision: z.string(),
  reason: z.string(),
  kinds: z.array(
    z.object({
      kind: z.string(),
      reason: z.string(),
      follows: z.string().exactOptional(),
      changes: z.array(
        z.object({
          key: z.string(),
          operation: heldOperation,
          fields: z.array(z.object({ name: z.string(), before: z.string(), after: z.string() })),
        }),
      ),
    }),
  ),
  since: z.string(),
})

export const planShape = z.object({
  revision: z.string(),
  digest: z.string(),
  changes: z.array(
    z.object({
      kind: z.string(),
      key: z.string(),
      operation: z.enum(['create', 'update', 'replace', 'delete']),
      summary: z.string(),
      fields: z.array(z.object({ name: z.string(), before: z.string(), after: z.string() })),
    }),
  ),
  holds: z.array(holdShape),
  unseen: z.array(z.object({ kind: z.string(), key: z.string().optional(), message: z.string() })),
  leftAlone: z.array(z.object({ kind: z.string(), key: z.string(), until: z.string() })),
  waits: z.array(z.object({ kind: z.string(), for: z.string() })),
})

/** What an approval of a held commit has let through. */
export const approvedShape = z.object({
  approved: z.string(),
  revision: z.string(),
  kinds: z.array(z.object({ kind: z.string(), changes: z.array(z.object({ key: z.string(), operation: heldOperation })) })),
})

export const historyShape = z.array(
  z.object({
    revision: z.string(),
    author: z.object({ name: z.string(), email: z.string() }),
    date: z.string(),
    subject: z.string(),
  }),
)

export const servicesShape = z.array(
  z.object({ name: z.string(), state: z.string(), pid: z.number().optional(), message: z.string(), since: z.string() }),
)
