import type { SocketHandlers } from './socket.ts'

/** Who opened the door. The socket or session that a request came through decides, never anything in the request. */
export type Identity =
  | { readonly kind: 'anonymous' }
  /** Through `run/api.sock`: command line and Git hooks. `name` is the system user, or the person an SSH key belongs to. */
  | { readonly kind: 'operator'; readonly name: string }
  /** Signed in to the portal. */
  | { readonly kind: 'person'; readonly id: string; readonly name: string; readonly email: string; readonly sessionToken: string }
  /** Through the agent's own socket. */
  | { readonly kind: 'agent'; readonly name: string }

export type Role = Identity['kind']

export interface RateLimit {
  /** Requests that one caller may make in a window. */
  readonly requests: number
  readonly seconds: number
}

/** Every verb of the product is one of these; the inventory test walks them all. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Elysia's path pattern. */
  readonly path: string
  /** Roles that may call it; everybody else is refused before the handler runs. */
  readonly policy: readonly Role[]
  readonly rateLimit: RateLimit
  /** A signature over the request says who it is from: it may come from another site, and nobody's session counts. */
  readonly signed?: true
  /** Name of the audit event, or false for what only reads. */
  readonly audit: string | false
  readonly handle: (call: Call) => Response | Promise<Response>
}

/** One request that passed the policy. */
export interface Call {
  readonly request: Request
  readonly url: URL
  readonly params: Readonly<Record<string, string>>
  readonly identity: Identity
  /** Whom somebody who signs in says to be, for the audit of what comes of it. */
  readonly claims?: (email: string) => void
  /** What came of it, for the audit: data without secrets, which may not be all of it but is enough to know what was done. */
  readonly tells?: (details: Readonly<Record<string, unknown>>) => void
  /** Takes the timeout off this connection, for streams. */
  readonly keepOpen: () => void
  /** Makes a WebSocket of this request, and gives the answer to return; undefined when it did not ask for one. */
  readonly upgrade?: (handlers: SocketHandlers) => Response | undefined
}
