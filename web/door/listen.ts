import { chmod } from 'node:fs/promises'
import { connect } from 'node:net'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import { removeIfExists } from '../../runtime/os/files.ts'
import { isStoreAway } from '../../runtime/store/store.ts'
import { compressed } from './compress.ts'
import { type Door, storeAway } from './door.ts'
import type { Call, Identity } from './route.ts'
import { type SocketHandlers, socketServing } from './socket.ts'

export interface Listener {
  readonly stop: () => Promise<void>
}

/**
 * Who waits here for a convergence may wait long, and `timeout(request, 0)` of Bun 1.4.5 has no effect on Unix sockets.
 * Its types do not know the option there, so it is spread without one.
 */
const neverIdle: object = { idleTimeout: 0 }

const mostBytes = 16 * 1024 * 1024

/** By default Bun answers an error of ours with a page that shows our source and folders. */
const neverTelling = (door: Door) => ({ development: false, error: door.failed })

/** Opens the door on a Unix socket that only our own user can reach; who comes through it is `identify`'s to say. */
export async function listenOnSocket(door: Door, path: string, identify: (request: Request) => Identity): Promise<Listener> {
  await removeStaleSocket(path)
  const server = Bun.serve({
    unix: path,
    ...neverIdle,
    ...neverTelling(door),
    maxRequestBodySize: mostBytes,
    websocket: socketServing,
    async fetch(request: Request, bun: Bun.Server<SocketHandlers>) {
      const { upgrade, answer } = upgrading(request, bun)
      const entrance = { identity: identify(request), address: path, keepOpen: () => bun.timeout(request, 0), upgrade }
      return answer(await door.enter(request, entrance))
    },
  })
  await chmod(path, 0o600)
  return {
    stop: async () => {
      await server.stop(true)
      await removeIfExists(path)
    },
  }
}

export interface PortalListenerOptions {
  readonly port: number
  readonly identify: (request: Request) => Promise<Identity>
  /** Host names besides the loopback ones that the portal may be reached by. */
  readonly hosts: () => ReadonlySet<string>
  readonly refuse: (status: number, message: string, request: Request) => Response | Promise<Response>
}

/** Opens the door to browsers on 127.0.0.1: known host names only, and no cross-site writes. */
export function listenOnLoopback(door: Door, options: PortalListenerOptions): Listener & { readonly port: number } {
  const server = serveLoopback(door, options.port, async (request, bun) => {
    const url = URL.parse(request.url)
    // What is no host name at all gets no page: rendering one needs an address.
    if (url === null) return new Response('This is no host name.\n', { status: 400 })
    if (!isOurHost(url, options.hosts())) {
      return options.refuse(421, 'This host name does not belong to the portal.', request)
    }
    const signed = door.routes.some(route => route.signed && route.method === request.method && route.path === url.pathname)
    if (!signed && !isSameOrigin(request)) return options.refuse(403, 'This request came from another site.', request)
    const proxied = !loopbackNames.has(url.hostname)
    const address = (proxied ? request.headers.get('x-real-ip') : undefined) ?? bun.requestIP(request)?.address ?? 'unknown'
    const identity = signed ? nobody : await options.identify(request).catch(ifStoreAway)
    if (identity === undefined) return options.refuse(503, storeAway, request)
    const { upgrade, answer } = upgrading(request, bun)
    const entrance = { identity, address, keepOpen: () => bun.timeout(request, 0), upgrade }
    const response = answer(await door.enter(request, entrance))
    return response === undefined ? undefined : compressed(request, response)
  })
  return { port: server.port ?? options.port, stop: () => server.stop(true) }
}

type Fetch = (request: Request, server: Bun.Server<SocketHandlers>) => Promise<Response | undefined>

function serveLoopback(door: Door, port: number, fetch: Fetch) {
  try {
    return Bun.serve({
      ...neverTelling(door),
      hostname: '127.0.0.1',
      port,
      idleTimeout: 30,
      maxRequestBodySize: mostBytes,
      websocket: socketServing,
      fetch,
    })
  } catch (cause) {
    if (systemCode(cause) !== 'EADDRINUSE') throw cause
    throw new ApplianceError('failed', `port ${port} of the portal is taken`, {
      hint: `stop what listens there (ss -ltnp 'sport = :${port}' names it) or set AI_INFRA_PORTAL_PORT`,
      cause,
    })
  }
}

/** Lets a route make a WebSocket of its request; then there is no answer left to give. */
function upgrading(request: Request, bun: Bun.Server<SocketHandlers>) {
  let upgraded = false
  const upgrade: NonNullable<Call['upgrade']> = handlers => {
    upgraded = bun.upgrade(request, { data: handlers })
    return upgraded ? new Response(null, { status: 204 }) : undefined
  }
  return { upgrade, answer: (response: Response) => (upgraded ? undefined : response) }
}

const nobody: Identity = { kind: 'anonymous' }

function ifStoreAway(error: unknown): undefined {
  if (!isStoreAway(error)) throw error
}

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** A name that a foreign page could point at 127.0.0.1 is not ours (DNS rebinding). */
function isOurHost({ hostname }: URL, hosts: ReadonlySet<string>): boolean {
  return loopbackNames.has(hostname) || hosts.has(hostname)
}

/**
 * Reading is free; whatever writes must name an origin whose host is the one that is asked (RFC 6454). A page elsewhere may
 * not open a WebSocket either, which browsers let it read; programs name no origin there.
 */
function isSameOrigin(request: Request): boolean {
  const origin = request.headers.get('origin')
  const isSocket = request.headers.get('upgrade') !== null
  if (request.method === 'GET' || request.method === 'HEAD') {
    if (!isSocket || origin === null) return true
  }
  if (origin === null || !URL.canParse(origin)) return false
  return new URL(origin).host === request.headers.get('host')
}

/** A socket file that nobody answers on is left over from a killed process; one that somebody answers on is taken. */
async function removeStaleSocket(path: string): Promise<void> {
  const answered = await new Promise<boolean>(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
  if (answered)
    throw new ApplianceError('failed', `another appliance answers on ${path}`, {
      hint: 'stop it first, or choose another AI_INFRA_HOME',
    })
  await removeIfExists(path)
}
