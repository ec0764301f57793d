import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, connect as dial, type Socket } from 'node:net'
import { isAddress } from '../../policy/net-addresses.ts'
import { closed, type EgressPolicy, type EgressRules, egressRules } from './rules.ts'

export interface GateOptions {
  /** Every address of a name; asked once for each connection, and one of its answers is dialled. */
  readonly lookup: (host: string) => Promise<readonly string[]>
  /** Addresses of this machine. */
  readonly ownAddresses: () => readonly string[]
  readonly now: () => number
  /** Says every refusal, one line each. */
  readonly onRefusal: (line: string) => void
  /** Says every host that was connected to. */
  readonly onReached?: (host: string) => void
}

/** The only way out of the sandbox: a proxy on loopback that resolves a name once, and dials the address that passed. */
export interface Gate {
  /** With a password that only the sandbox's front proxy knows. */
  readonly url: string
  rules(): EgressRules
  /** Holds from the next connection on, also for commands that run already. */
  follow(policy: EgressPolicy): void
  /** Whether one more connection may be asked for in this minute; counts it. */
  mayAsk(): boolean
  stop(): Promise<void>
}

const longestHead = 64 * 1024
const headTimeout = 10_000
const dialTimeout = 15_000

export async function openGate(options: GateOptions): Promise<Gate> {
  const password = randomBytes(24).toString('base64url')
  const expected = Buffer.from(`Basic ${Buffer.from(`gate:${password}`).toString('base64')}`)
  let rules = egressRules(closed, options.ownAddresses)
  const open = new Set<Socket>()
  const asked: number[] = []
  let connections = 0

  const serve = async (client: Socket) => {
    const head = await readHead(client)
    if (head === undefined || !authorised(head, expected)) return end(client, 407, 'who are you')
    const target = targetOf(head)
    if (target === undefined) return end(client, 400, 'no such request')
    if (connections >= rules.policy.maxConnections) {
      const line = `${connections} connections are open, and max_connections of network.yaml is ${rules.policy.maxConnections}`
      options.onRefusal(line)
      return end(client, 429, line)
    }
    connections += 1
    client.once('close', () => {
      connections -= 1
    })
    const reached = await reach(target, rules, options.lookup)
    if ('refused' in reached) {
      options.onRefusal(reached.refused)
      return end(client, reached.status, reached.refused)
    }
    options.onReached?.(target.host)
    open.add(reached.socket)
    reached.socket.once('close', () => open.delete(reached.socket))
    join(client, reached.socket, head, target, rules.policy.downloadBytes, options.onRefusal)
  }

  const server = createServer(client => {
    open.add(client)
    client.once('close', () => open.delete(client))
    client.on('error', () => client.destroy())
    serve(client).catch(() => client.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://gate:${password}@127.0.0.1:${port}`,
    rules: () => rules,
    follow: policy => {
      rules = egressRules(policy, options.ownAddresses)
    },
    mayAsk: () => {
      const minute = options.now() - 60_000
      while ((asked[0] ?? Number.POSITIVE_INFINITY) <= minute) asked.shift()
      if (asked.length >= rules.policy.requestsPerMinute) return false
      asked.push(options.now())
      return true
    },
    stop: async () => {
      for (const socket of open) socket.destroy()
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

interface Head {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  /** What came after the head. */
  readonly rest: Buffer
}

interface Target {
  readonly host: string
  readonly port: number
  /** Path of a plain HTTP request; undefined for a tunnel. */
  readonly path: string | undefined
}

function readHead(client: Socket): Promise<Head | undefined> {
  return new Promise(resolve => {
    let seen = Buffer.alloc(0)
    const finish = (head: Head | undefined) => {
      clearTimeout(timer)
      client.off('data', onData)
      client.off('close', onClose)
      client.pause()
      resolve(head)
    }
    const onClose = () => finish(undefined)
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const at = seen.indexOf('\r\n\r\n')
      if (at !== -1) finish(parseHead(seen.subarray(0, at).toString('latin1'), seen.subarray(at + 4)))
      else if (seen.length > longestHead) finish(undefined)
    }
    const timer = setTimeout(() => finish(undefined), headTimeout)
    client.on('data', onData)
    client.once('close', onClose)
  })
}

function parseHead(text: string, rest: Buffer): Head | undefined {
  const [request = '', ...headers] = text.split('\r\n')
  const [method, target, version] = request.split(' ')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL in a name is what must not pass
  if (method === undefined || target === undefined || version === undefined || /[\u0000\r\n]/.test(text.replaceAll('\r\n', ''))) {
    return undefined
  }
  return { method, target, headers, rest }
}

function authorised(head: Head, expected: Buffer): boolean {
  const header = head.headers.find(line => /^proxy-authorization:/i.test(line))
  const given = Buffer.from(header?.slice(header.indexOf(':') + 1).trim() ?? '')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function targetOf({ method, target }: Head): Target | undefined {
  try {
    const url = new URL(method === 'CONNECT' ? `http://${target}` : target)
    if (url.protocol !== 'http:' || url.username !== '') return undefined
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    return { host, port: Number(url.port || 80), path: method === 'CONNECT' ? undefined : `${url.pathname}${url.search}` }
  } catch {
    return undefined
  }
}

type Reached = { readonly socket: Socket } | { readonly refused: string; readonly status: number }

async function reach({ host: asked, port }: Target, rules: EgressRules, lookup: GateOptions['lookup']): Promise<Reached> {
  const named = rules.name(asked, port)
  if ('refused' in named) return { ...named, status: 403 }
  const { host } = named
  let refused = `${host} has no address`
  let found: readonly string[]
  try {
    found = isAddress(host) ? [host] : await lookup(host)
  } catch {
    return { refused, status: 502 }
  }
  const wrong = found.map(address => rules.address(host, address, port))
  // One bad answer among good ones is how a name is turned against its reader: none of them is dialled.
  const bad = wrong.find(reason => reason !== undefined)
  if (bad !== undefined) return { refused: bad, status: 403 }
  for (const address of found) {
    const socket = await dialled(address, port)
    if (socket !== undefined) return { socket }
    refused = `${host}:${port} does not answer`
  }
  return { refused, status: 502 }
}

function dialled(host: string, port: number): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = dial({ host, port })
    const fail = () => {
      socket.destroy()
      resolve(undefined)
    }
    socket.setTimeout(dialTimeout, fail)
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

function join(
  client: Socket,
  upstream: Socket,
  head: Head,
  target: Target,
  downloadBytes: number | undefined,
  onRefusal: (line: string) => void,
): void {
  let received = 0
  const stop = () => {
    client.destroy()
    upstream.destroy()
  }
  upstream.on('error', stop)
  client.on('close', () => upstream.destroy())
  upstream.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (downloadBytes === undefined || received <= downloadBytes) return
    onRefusal(
      `${target.host} sent more than max_download_size_mb of permissions.yaml allows (${Math.floor(downloadBytes / 2 ** 20)} MiB)`,
    )
    stop()
  })
  if (target.path === undefined) client.write('HTTP/1.1 200 Connection established\r\n\r\n')
  else upstream.write(originForm(head, target.path))
  if (head.rest.length > 0) upstream.write(head.rest)
  upstream.pipe(client)
  client.pipe(upstream)
  client.resume()
}

/** The request as a server expects it; the connection serves this one only, so that no later request goes uncounted. */
function originForm(head: Head, path: string): string {
  const kept = head.headers.filter(line => !/^(proxy-[^:]*|connection|keep-alive):/i.test(line))
  return [`${head.method} ${path} HTTP/1.1`, ...kept, 'Connection: close', '', ''].join('\r\n')
}

function end(client: Socket, status: number, reason: string): void {
  const text = reason.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
  client.end(`HTTP/1.1 ${status} ${text}\r\nX-Proxy-Error: ${text}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}
