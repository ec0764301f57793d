import { z } from 'zod'

/** What we read of Cloudflare's answers; the rest is its own. */
export const answerOf = <T>(result: z.ZodType<T>) => z.object({ success: z.literal(true), result })

export const settingShape = answerOf(z.object({ id: z.string(), value: z.unknown() }))

const rule = z.looseObject({ id: z.string(), description: z.string().optional() })
export type FoundRule = z.output<typeof rule>
export const rulesetShape = answerOf(z.object({ id: z.string(), rules: z.array(rule).optional() }))

const route = z.object({ id: z.string(), pattern: z.string(), script: z.string().optional() })
export type FoundRoute = z.output<typeof route>
export const routesShape = answerOf(z.array(route))

const pool = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().optional(),
  origins: z.array(z.object({ address: z.string().optional() })).optional(),
})
export type FoundPool = z.output<typeof pool>
export const poolsShape = answerOf(z.array(pool))
export const poolShape = answerOf(pool)

const balancer = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().optional(),
  default_pools: z.array(z.string()).optional(),
  fallback_pool: z.string().optional(),
  steering_policy: z.string().optional(),
  proxied: z.boolean().optional(),
})
export type FoundBalancer = z.output<typeof balancer>
export const balancersShape = answerOf(z.array(balancer))

export const doneShape = z.object({ success: z.literal(true) })
