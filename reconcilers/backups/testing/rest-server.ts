/** A server that speaks restic's REST protocol, version 2, and keeps what it is given in memory. */
export interface RestServer extends AsyncDisposable {
  readonly address: string
  /** Bytes that it takes in all; more is refused as restic's own server refuses it. */
  room: number
}

const types = ['data', 'keys', 'locks', 'snapshots', 'index']

/** As the documentation of restic has it: HEAD, GET with ranges, POST, DELETE, lists as JSON with sizes. */
export function startRestServer(user: string, password: string, kept: ReadonlyMap<string, Uint8Array> = new Map()): RestServer {
  const files = new Map(kept)
  let begun = files.size > 0
  const held = () => [...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  const state = { room: Number.POSITIVE_INFINITY }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const url = new URL(request.url)
      if (request.headers.get('authorization') !== `Basic ${btoa(`${user}:${password}`)}`)
        return new Response('Unauthorized', { status: 401 })
      const [first = '', second = ''] = url.pathname
        .split('/')
        .filter(part => part !== '')
        .slice(1)
      if (first === '' && request.method === 'POST' && url.searchParams.get('create') === 'true') {
        begun = true
        return new Response('')
      }
      if (types.includes(first) && second === '') return list(files, first)
      if (first !== 'config' && !(types.includes(first) && /^[0-9a-f]{64}$/.test(second)))
        return new Response('', { status: 404 })
      const name = second === '' ? first : `${first}/${second}`
      const found = files.get(name)
      switch (request.method) {
        case 'HEAD':
          return found === undefined ? new Response(null, { status: 404 }) : new Response(found.slice())
        case 'GET':
          return found === undefined ? new Response('', { status: 404 }) : part(found, request.headers.get('range'))
        case 'POST': {
          const bytes = await request.bytes()
          if (!begun) return new Response('', { status: 404 })
          if (found !== undefined) return new Response('', { status: 403 })
          if (held() + bytes.byteLength > state.room) return new Response('Insufficient Storage', { status: 507 })
          if (second !== '' && new Bun.CryptoHasher('sha256').update(bytes).digest('hex') !== second)
            return new Response('', { status: 400 })
          files.set(name, bytes)
          return new Response('')
        }
        case 'DELETE':
          return new Response('', { status: files.delete(name) ? 200 : 404 })
        default:
          return new Response('', { status: 405 })
      }
    },
  })
  return {
    address: `rest:http://127.0.0.1:${server.port}/atlas`,
    get room() {
      return state.room
    },
    set room(bytes) {
      state.room = bytes
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true)
    },
  }
}

function list(files: ReadonlyMap<string, Uint8Array>, type: string): Response {
  const found = [...files].filter(([name]) => name.startsWith(`${type}/`))
  const body = found.map(([name, { byteLength }]) => ({ name: name.slice(type.length + 1), size: byteLength }))
  return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/vnd.x.restic.rest.v2' } })
}

function part(bytes: Uint8Array, range: string | null): Response {
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  if (from === '') return new Response(bytes.slice())
  return new Response(bytes.slice(Number(from), to === '' ? undefined : Number(to) + 1), { status: 206 })
}
