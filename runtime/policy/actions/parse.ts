import { z } from 'zod'
import type { ActionRequest, ActionResult, Need } from '../action.ts'

const path = z.string().min(1).max(4_096)
const name = z.string().min(1).max(200)

const need: z.ZodType<Need> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['read', 'write']), path }),
  z.strictObject({ kind: z.literal('net'), host: z.string().min(1).max(300), port: z.int().min(1).max(65_535) }),
  z.strictObject({
    kind: z.literal('run'),
    argv: z.array(z.string().max(131_072)).min(1).max(1_000),
    cwd: path,
    env: z.array(name).max(200),
    files: z.array(z.strictObject({ path, digest: z.string().regex(/^[0-9a-f]{64}$/) })).max(500),
  }),
  z.strictObject({ kind: z.literal('sql'), statement: z.string().max(1_000_000), database: path }),
  z.strictObject({ kind: z.literal('verb'), verb: name, input: z.record(z.string(), z.unknown()) }),
])

export const needsSchema: z.ZodType<readonly Need[]> = z.array(need).max(200)

/** Names end up in keys of Postgres, which keeps every character but NUL. */
const identifier = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/)

export const actionRequestSchema: z.ZodType<ActionRequest> = z.strictObject({
  work: identifier,
  attempt: z.int().min(0),
  call: identifier,
  tool: identifier,
  title: z.string().max(2_000),
  needs: needsSchema,
  requiresApproval: z.boolean().optional(),
})

export const actionResultSchema: z.ZodType<ActionResult> = z.strictObject({
  outcome: z.enum(['done', 'failed']),
  content: z.string().max(1_000_000),
  tainted: z.string().max(2_000).optional(),
})
