import { z } from 'zod'
import type { Pebble } from './pebble.ts'

/** What stands before pebble: its directory with `renewalInfo` in it, and answers that pebble itself never gives. */
export interface Front extends AsyncDisposable {
  readonly directory: string
  /** Paths that were asked for. */
  readonly asked: string[]
  /** Answer to a question about a certificate's renewal. */
  renewal: () => Response
  /** Answers instead of pebble to what a client asks for first, by the name in the directory: `newOrder`. */
  instead: Readonly<Record<string, () => Response | Promise<Response>>>
}

export async function startFront(pebble: Pebble): Promise<Front> {
  const tls = { ca: pebble.own.cert }
  const asked: string[] = []
  let here = ''
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    asked.push(pathname)
    if (pathname.startsWith('/renewal/')) return front.renewal()
    const instead = front.instead[pathname.slice(1)]
    if (instead !== undefined) return instead()
    const directory = z.record(z.string(), z.unknown()).parse(await (await fetch(pebble.directory, { tls })).json())
    const own = Object.keys(front.instead).filter(name => name !== 'dir')
    return Response.json({
      ...{ ...directory, renewalInfo: `${here}/renewal/` },
      ...Object.fromEntries(own.map(name => [name, `${here}/${name}`])),
    })
  }
  const { cert, key } = pebble.own
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls: { cert, key }, fetch: answer })
  here = `https://127.0.0.1:${server.port}`
  const front: Front = {
    ...{ directory: `${here}/dir`, asked, instead: {} },
    renewal: () => new Response('no such certificate', { status: 404 }),
    [Symbol.asyncDispose]: () => server.stop(true),
  }
  return front
}

/** As an authority says when it wants a certificate renewed. */
export const window = (start: Date, end: Date, headers: Readonly<Record<string, string>> = {}, more: object = {}): Response =>
  Response.json({ suggestedWindow: { start: start.toISOString(), end: end.toISOString() }, ...more }, { headers })
