import { z } from 'zod'

export interface Unbelieving {
  readonly directory: string
  stop(): Promise<void>
}

/**
 * Stands before a pebble that looks at each name anew. Told to take no name for proven, pebble 2.4 still does so in one order of a
 * hundred, in which a test then waits for a question that never comes. Such an order is not handed on: its nonce is said
 * to have been a bad one, and the client asks once more.
 */
export function startUnbelieving(port: number, { cert, key }: { readonly cert: string; readonly key: string }): Unbelieving {
  const proven = new Set<string>()
  const server = Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1', tls: { cert, key }, idleTimeout: 255 },
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      // With the client's Host, from which pebble makes its addresses, and which the client signs.
      const answer = await fetch(`https://127.0.0.1:${port}${pathname}${search}`, {
        ...{ method: request.method, headers: request.headers, tls: { ca: cert }, keepalive: false },
        ...(request.method === 'POST' ? { body: await request.arrayBuffer() } : {}),
      })
      const body = await answer.arrayBuffer()
      if (pathname === '/order-plz' && answer.status === 201) {
        const { authorizations } = order.parse(JSON.parse(new TextDecoder().decode(body)))
        if (authorizations.some(url => proven.has(url))) return badNonce()
        for (const url of authorizations) proven.add(url)
      }
      const headers = new Headers(answer.headers)
      for (const name of ['content-length', 'transfer-encoding', 'connection', 'content-encoding']) headers.delete(name)
      return new Response(request.method === 'HEAD' || answer.status === 204 ? null : body, { status: answer.status, headers })
    },
  })
  return { directory: `https://127.0.0.1:${server.port}/dir`, stop: () => server.stop(true) }
}

const order = z.object({ authorizations: z.array(z.string()) })

const badNonce = () =>
  new Response(JSON.stringify({ type: 'urn:ietf:params:acme:error:badNonce', detail: 'once more', status: 400 }), {
    ...{ status: 400, headers: { 'content-type': 'application/problem+json' } },
  })
