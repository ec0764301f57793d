import { z } from 'zod'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { json, mistakesIn, readJson } from '../door/answer.ts'
import type { Call, RateLimit, Role, Route } from '../door/route.ts'

/** What programs read of a route: OpenAPI is made of it. */
export interface Documentation {
  /** Heading it stands under: `tasks`. */
  readonly tag: string
  /** One line. */
  readonly summary: string
  readonly query: z.ZodType | undefined
  readonly body: z.ZodType | undefined
  readonly answer: z.ZodType
}

/** A route of the API that says what goes in and what comes out. */
export interface DocumentedRoute extends Route {
  readonly documentation: Documentation
}

export interface Asked<Query, Body> {
  readonly call: Call
  readonly query: Query
  readonly body: Body
  /** Of the path; empty when the path has none of that name. */
  readonly param: (name: string) => string
}

interface Definition<Query, Body, Answer> {
  readonly path: string
  readonly policy: readonly Role[]
  readonly rateLimit?: RateLimit
  readonly tag: string
  readonly summary: string
  readonly query?: z.ZodType<Query>
  readonly body?: z.ZodType<Body>
  readonly answer: z.ZodType<Answer>
  /** A Response is passed on as it is: what went out is not `answer` then. */
  readonly handle: (asked: Asked<Query, Body>) => Answer | Response | Promise<Answer | Response>
}

export const people: readonly Role[] = ['operator', 'person']
export const everybody: readonly Role[] = ['operator', 'person', 'agent']
const reading: RateLimit = { requests: 600, seconds: 60 }
const writing: RateLimit = { requests: 60, seconds: 60 }

/** A route that only reads. */
export const reads = <Query = undefined, Answer = unknown>(
  definition: Definition<Query, undefined, Answer>,
): DocumentedRoute => ({
  method: 'GET',
  rateLimit: definition.rateLimit ?? reading,
  audit: false,
  ...common(definition),
})

/** A route that does something; its body and query are refused with every mistake at once. */
export const writes = <Query = undefined, Body = undefined, Answer = unknown>(
  definition: Definition<Query, Body, Answer> & { readonly audit: string },
): DocumentedRoute => ({
  method: 'POST',
  rateLimit: definition.rateLimit ?? writing,
  audit: definition.audit,
  ...common(definition),
})

/** A route that only reads, and is asked with a body: what a change would do. */
export const previews = <Body, Answer>(definition: Definition<undefined, Body, Answer>): DocumentedRoute => ({
  method: 'POST',
  rateLimit: definition.rateLimit ?? writing,
  audit: false,
  ...common(definition),
})

function common<Query, Body, Answer>(definition: Definition<Query, Body, Answer>) {
  const { path, policy, tag, summary, query, body, answer, handle } = definition
  return {
    path,
    policy,
    documentation: { tag, summary, query, body, answer },
    handle: async (call: Call): Promise<Response> => {
      const asked = {
        call,
        query: parsed(query, Object.fromEntries(call.url.searchParams)),
        body: body === undefined ? undefined : await readJson(call.request, body),
        param: (name: string) => call.params[name] ?? '',
      }
      // Without a schema there is nothing to be parsed, and the type says `undefined`.
      const result = await handle(asked as Asked<Query, Body>)
      return result instanceof Response ? result : json(result)
    },
  }
}

function parsed<T>(schema: z.ZodType<T> | undefined, value: unknown): T | undefined {
  if (schema === undefined) return undefined
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ApplianceError('invalid', mistakesIn(result.error))
}

export const isDocumented = (route: Route): route is DocumentedRoute => 'documentation' in route

/** How many, from a query; what is no number counts as the default, and too much as the most. */
export const limitOf = (usual: number, most: number) =>
  z.coerce
    .number()
    .int()
    .catch(usual)
    .default(usual)
    .transform(count => Math.min(Math.max(count, 1), most))
    .meta({ description: `At most ${most}`, default: usual })

/** Ids of ours are UUIDs; anything else never reaches the database. */
export const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** 404, and where to look. */
export const notFound = (message: string, hint: string): Response => json({ message: `${message} (${hint})` }, 404)
