import { z } from 'zod'

/** What the engine and the repository say, on the wire. */

const time = z.string().describe('ISO 8601')
const revision = z.string().describe('Commit of the desired-state repository; empty when there is none')
export const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly()

export const resourceState = z.enum(['ready', 'reconciling', 'waiting', 'held', 'stalled', 'failed', 'suspended'])
const operation = z.enum(['create', 'update', 'replace', 'delete'])
const heldOperation = z.enum(['create', 'update', 'delete'])
const field = z.object({ name: z.string(), before: z.string(), after: z.string() })

export const resource = z
  .object({
    kind: z.string(),
    key: z.string(),
    state: resourceState,
    reason: z.string().describe('One stable word; empty when ready'),
    message: z.string(),
    revision,
    since: time,
  })
  .meta({ id: 'Resource' })

export const status = z
  .object({ revision, desired: revision, converged: z.boolean(), resources: list(resource) })
  .meta({ id: 'Status' })

export const waited = status.extend({ milliseconds: z.number().int() })

export const run = z
  .object({
    id: z.string(),
    kind: z.string(),
    key: z.string(),
    revision,
    trigger: z.enum(['commit', 'drift', 'retry', 'start', 'approval', 'resume', 'watch']),
    operation,
    summary: z.string(),
    startedAt: time,
    milliseconds: z.number(),
    outcome: z.enum(['running', 'verified', 'failed', 'superseded', 'interrupted']),
    message: z.string(),
  })
  .meta({ id: 'Run' })

export const hold = z
  .object({
    id: z.string().describe('What approve takes; empty in a plan of what is not held'),
    digest: z.string(),
    revision,
    reason: z.string().describe('The reasons of all kinds'),
    kinds: list(
      z.object({
        kind: z.string(),
        reason: z.string().describe('Empty for what goes with another held kind and needs no approval of its own'),
        follows: z.string().exactOptional().describe('The held kind that it goes with'),
        changes: list(z.object({ key: z.string(), operation: heldOperation, fields: list(field) })),
      }),
    ),
    since: time,
  })
  .meta({ id: 'Hold' })

export const approved = z
  .object({
    approved: z.string(),
    revision,
    kinds: list(z.object({ kind: z.string(), changes: list(z.object({ key: z.string(), operation: heldOperation })) })),
  })
  .meta({ id: 'Approved' })

export const plan = z
  .object({
    revision,
    digest: z.string(),
    changes: list(z.object({ kind: z.string(), key: z.string(), operation, summary: z.string(), fields: list(field) })),
    holds: list(hold),
    unseen: list(z.object({ kind: z.string(), key: z.string().optional(), message: z.string() })),
    leftAlone: list(z.object({ kind: z.string(), key: z.string(), until: time })),
    waits: list(z.object({ kind: z.string(), for: z.string() })).describe('Kinds with changes that wait with a held one'),
  })
  .meta({ id: 'Plan' })

export const suspension = z
  .object({ kind: z.string(), key: z.string(), reason: z.string(), owner: z.string(), until: time })
  .meta({ id: 'Suspension' })

export const service = z
  .object({
    name: z.string(),
    state: z.enum(['starting', 'ready', 'restarting', 'stopped', 'outside']),
    pid: z.number().int().optional(),
    message: z.string(),
    since: time,
  })
  .meta({ id: 'Service' })

export const commit = z
  .object({
    revision,
    parents: list(z.string()),
    author: z.object({ name: z.string(), email: z.string() }),
    date: time,
    subject: z.string(),
    body: z.string(),
  })
  .meta({ id: 'Commit' })

export const committed = z.union([z.object({ revision }), z.object({ unchanged: z.literal(true) })])
