import { Elysia } from 'elysia'
import { printableLines } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, type ErrorKind, explain } from '../../runtime/os/errors.ts'
import type { Log } from '../../runtime/os/log.ts'
import { isStoreAway } from '../../runtime/store/store.ts'
import { createRateLimiter, networkOf } from './rate-limit.ts'
import type { Call, Identity, Route } from './route.ts'

/** Where a request came in, as the listener knows it; nothing that the request says about itself. */
export interface Entrance {
  readonly identity: Identity
  /** Network address of an anonymous caller, for rate limits. */
  readonly address: string
  readonly keepOpen: () => void
  /** See {@link Call.upgrade}; absent where no WebSocket can come in. */
  readonly upgrade?: NonNullable<Call['upgrade']>
}

export interface AuditEntry {
  readonly event: string
  readonly who: string
  readonly subject: string
  /** `asked`: written before a handler that has an effect begins; the outcome follows. */
  readonly outcome: 'asked' | 'allowed' | 'refused' | 'failed'
  /** Network address, of a caller through the network. */
  readonly address?: string
  /** What the handler told of what it did. */
  readonly details?: Readonly<Record<string, unknown>>
}

export interface DoorDependencies {
  readonly routes: readonly Route[]
  readonly clock: Clock
  readonly log: Log
  readonly audit: (entry: AuditEntry) => Promise<void>
  /** How a refusal or failure looks to this caller; pages for browsers, JSON for programs. */
  /** Takes out what is secret: an error may repeat what somebody else said. */
  readonly redact?: (text: string) => string
  readonly renderError: (status: number, message: string, request: Request, identity: Identity) => Response | Promise<Response>
}

export interface Door {
  /** Answers one request; every verb of the product goes through here. */
  readonly enter: (request: Request, entrance: Entrance) => Promise<Response>
  /** Logs what went wrong before or behind {@link enter}; the answer tells nothing of it. */
  readonly failed: (error: unknown) => Response
  readonly routes: readonly Route[]
}

/**
 * Builds the one door: no route runs before its policy, its rate limit and its audit. What has an effect is written down
 * twice: that it was asked for, before its handler begins (what cannot be written is not done), and what came of it,
 * before anybody is told.
 */
export function createDoor(dependencies: DoorDependencies): Door {
  const { routes, renderError, log, redact = text => text } = dependencies
  refuseDoubles(routes)
  const entrances = new WeakMap<Request, Entrance>()
  const limiter = createRateLimiter(dependencies.clock)
  const app = new Elysia()
  for (const route of routes) {
    app.route(
      route.method,
      route.path,
      async ({ request, params }: { request: Request; params: Record<string, string> }) => {
        const entrance = entrances.get(request)
        if (entrance === undefined) return new Response('no entrance', { status: 500 })
        return guarded(route, request, params ?? {}, entrance)
      },
      { config: {}, parse: 'none' },
    )
  }
  app.all('/*', ({ request }) => {
    const identity = entrances.get(request)?.identity ?? { kind: 'anonymous' }
    return renderError(404, 'There is nothing at this address.', request, identity)
  })

  const guarded = async (
    route: Route,
    request: Request,
    params: Record<string, string>,
    entrance: Entrance,
  ): Promise<Response> => {
    const { identity } = entrance
    let who = nameOf(identity)
    let details: AuditEntry['details']
    const record = (outcome: AuditEntry['outcome']) =>
      route.audit === false
        ? Promise.resolve()
        : dependencies.audit({
            ...{ event: route.audit, who, subject: new URL(request.url).pathname, outcome },
            ...(entrance.address.startsWith('/') ? {} : { address: entrance.address }),
            ...(details !== undefined && { details }),
          })
    const unaudited = (error: unknown) => log.error('audit not written', { path: route.path, error: explain(error) })
    if (!route.policy.includes(identity.kind)) {
      await record('refused').catch(unaudited)
      const status = identity.kind === 'anonymous' ? 401 : 403
      return renderError(status, status === 401 ? 'Sign in first.' : 'This is not yours to do.', request, identity)
    }
    const caller = identity.kind === 'anonymous' ? networkOf(entrance.address) : nameOf(identity)
    const wait = limiter.take(`${route.method} ${route.path} ${caller}`, route.rateLimit)
    if (wait > 0) {
      const response = await renderError(429, `Too many requests: wait ${Math.ceil(wait)} s.`, request, identity)
      response.headers.set('retry-after', String(Math.ceil(wait)))
      return response
    }
    // In a path it is no name of anything, and 404 says so.
    if (/%00/.test(new URL(request.url).search)) {
      return renderError(422, 'The address has a NUL character (%00), which nothing here can hold.', request, identity)
    }
    const refuse = (error: unknown) => failure(error, route, request, identity)
    try {
      await record('asked')
    } catch (error) {
      return refuse(error)
    }
    const call: Call = {
      request,
      url: new URL(request.url),
      params,
      identity,
      keepOpen: entrance.keepOpen,
      claims: email => {
        if (identity.kind === 'anonymous') who = `person ${email.slice(0, 254)}`
      },
      tells: told => {
        details = told
      },
      ...(entrance.upgrade && { upgrade: entrance.upgrade }),
    }
    const [response, error] = await answered(route, call)
    try {
      await record(response !== undefined && response.status < 400 ? 'allowed' : 'failed')
    } catch (unwritten) {
      unaudited(unwritten)
      // What cannot be written down is not reported as done.
      if (response !== undefined) return renderError(503, `${explain(unwritten)}; ${lookFirst}`, request, identity)
    }
    return response ?? refuse(error)
  }

  const failure = (error: unknown, route: Route, request: Request, identity: Identity) => {
    if (isStoreAway(error)) return renderError(503, storeAway, request, identity)
    const status = error instanceof ApplianceError ? statusOf[error.kind] : 500
    if (status === 500)
      log.error('request failed', {
        path: route.path,
        error: explain(error),
        stack: error instanceof Error ? error.stack : undefined,
      })
    const message =
      error instanceof ApplianceError ? printableLines(redact(explain(error))) : 'Something went wrong here; the log says more.'
    return renderError(status, message, request, identity)
  }

  return {
    routes,
    async enter(request, entrance) {
      entrances.set(request, entrance)
      const response = await app.handle(request)
      for (const [name, value] of Object.entries(commonHeaders)) {
        if (!response.headers.has(name)) response.headers.set(name, value)
      }
      return response
    },
    failed(error) {
      log.error('request failed', { error: explain(error), stack: error instanceof Error ? error.stack : undefined })
      return new Response('Something went wrong here; the log says more.\n', { status: 500, headers: commonHeaders })
    },
  }
}

/** What a caller reads while Postgres does not answer. */
export const storeAway =
  'The database does not answer at the moment; it comes back by itself. Look how things stand, and try again.'

const lookFirst = 'what you asked for may have been done all the same: look before you repeat it'

async function answered(route: Route, call: Call): Promise<[Response, undefined] | [undefined, unknown]> {
  try {
    return [await route.handle(call), undefined]
  } catch (error) {
    return [undefined, error]
  }
}

const statusOf: Record<ErrorKind, number> = { invalid: 422, waiting: 503, stalled: 409, failed: 500 }

const commonHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** How an identity is called in the audit and in commits. */
export function nameOf(identity: Identity): string {
  switch (identity.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'operator':
      return identity.name === 'operator' ? 'operator' : `operator ${identity.name}`
    case 'person':
      return `person ${identity.email}`
    case 'agent':
      return `agent ${identity.name}`
  }
}

function refuseDoubles(routes: readonly Route[]): void {
  const seen = new Set<string>()
  for (const route of routes) {
    const id = `${route.method} ${route.path}`
    if (seen.has(id)) throw new ApplianceError('failed', `two routes claim ${id}`)
    seen.add(id)
  }
}
