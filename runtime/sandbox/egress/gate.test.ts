import { afterEach, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { type Gate, openGate } from './gate.ts'
import type { EgressPolicy } from './rules.ts'

const open: { stop(force?: boolean): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop(true)
})

const server = (fetch: (request: Request) => Response | Promise<Response>, hostname = '127.0.0.1') => {
  const started = Bun.serve({ port: 0, hostname, fetch })
  open.push(started)
  return started.port ?? 0
}

interface Setup {
  readonly gate: Gate
  readonly asked: string[]
  readonly refused: string[]
}

async function gateWith(
  policy: Partial<EgressPolicy>,
  names: Record<string, readonly string[]> = {},
  own: readonly string[] = [],
): Promise<Setup> {
  const asked: string[] = []
  const refused: string[] = []
  const gate = await openGate({
    lookup: host => {
      asked.push(host)
      const found = names[host]
      return found === undefined ? Promise.reject(new Error('no such name')) : Promise.resolve(found)
    },
    ownAddresses: () => own,
    now: Date.now,
    onRefusal: line => refused.push(line),
  })
  open.push(gate)
  gate.follow({ allow: [], deny: [], requestsPerMinute: 1000, maxConnections: 100, downloadBytes: undefined, ...policy })
  return { gate, asked, refused }
}

/** Sends bytes to the gate, with its password unless told otherwise, and gives everything that comes back. */
function speak(gate: Gate, head: string, authorised = true): Promise<string> {
  const url = new URL(gate.url)
  const password = authorised ? `Proxy-Authorization: Basic ${btoa(`${url.username}:${url.password}`)}\r\n` : ''
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(url.port), '127.0.0.1', () => socket.write(`${head}\r\n${password}\r\n`, 'latin1'))
    socket.on('data', chunk => {
      answer += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

const get = (gate: Gate, authority: string, path = '/') =>
  speak(gate, `GET http://${authority}${path} HTTP/1.1\r\nHost: ${authority}`)
const tunnel = (gate: Gate, authority: string) => speak(gate, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}`)

describe('the way out', () => {
  test('is closed to who does not know its password, and to everybody before a policy came', async () => {
    const port = server(() => new Response('inside'))
    const { gate } = await gateWith({ allow: [`127.0.0.1:${port}`] })
    expect(await speak(gate, `GET http://127.0.0.1:${port}/ HTTP/1.1`, false)).toStartWith('HTTP/1.1 407')
    expect(await get(gate, `127.0.0.1:${port}`)).toEndWith('inside')
    gate.follow({ allow: [], deny: [], requestsPerMinute: 1, maxConnections: 1, downloadBytes: undefined })
    expect(await get(gate, `127.0.0.1:${port}`)).toStartWith('HTTP/1.1 403')
  })

  test('an empty list denies everything, and deny beats allow', async () => {
    const port = server(() => new Response('inside'))
    const names = { 'a.test': ['127.0.0.1'] }
    const none = await gateWith({}, names)
    expect(await get(none.gate, `a.test:${port}`)).toStartWith('HTTP/1.1 403')
    expect(none.asked).toEqual([])
    const { gate } = await gateWith(
      { allow: ['*:*', `127.0.0.1:${port}`], deny: ['a.test:*'] },
      { ...names, 'b.test': ['127.0.0.1'] },
    )
    expect(await get(gate, `a.test:${port}`)).toStartWith('HTTP/1.1 403')
    expect(await get(gate, `b.test:${port}`)).toEndWith('inside')
  })

  test('a rule that denies an address holds for every name that leads there', async () => {
    const port = server(() => new Response('inside'))
    const { gate, refused } = await gateWith(
      { allow: ['*:*', `127.0.0.1:${port}`], deny: ['127.*:*'] },
      { 'a.test': ['127.0.0.1'] },
    )
    expect(await get(gate, `a.test:${port}`)).toStartWith('HTTP/1.1 403')
    expect(refused).toEqual(['a.test leads to 127.0.0.1, which network.yaml denies (127.*:*)'])
  })
})

describe('loopback, link-local, metadata, private and own addresses', () => {
  const spellings = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '0',
    '[::]',
    '127.0.0.1.',
    '[64:ff9b::7f00:1]',
    '[::127.0.0.1]',
  ]
  const others = [
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '[::ffff:169.254.169.254]',
    '[fd00:ec2::254]',
    '10.1.2.3',
    '192.168.0.1',
    '172.16.5.5',
    '100.64.1.1',
    '[fc00::1]',
    '[fe80::1]',
    '224.0.0.1',
    '198.41.0.4',
  ]

  test('are refused however they are written, by CONNECT and by request, unless a rule names exactly them', async () => {
    let hits = 0
    const port = server(() => {
      hits += 1
      return new Response('inside')
    })
    const { gate } = await gateWith({ allow: ['*:*'] }, { localhost: ['127.0.0.1', '::1'] }, ['198.41.0.4'])
    for (const host of [...spellings, ...others]) {
      expect([host, (await get(gate, `${host}:${port}`)).slice(0, 12)]).toEqual([host, 'HTTP/1.1 403'])
      expect([host, (await tunnel(gate, `${host}:${port}`)).slice(0, 12)]).toEqual([host, 'HTTP/1.1 403'])
    }
    expect(hits).toBe(0)
  })

  test('are reached by the name of a rule only when the rule names the address too', async () => {
    const port = server(() => new Response('inside'))
    const names = { 'a.test': ['127.0.0.1'] }
    const byName = await gateWith({ allow: [`a.test:${port}`] }, names)
    expect(await get(byName.gate, `a.test:${port}`)).toStartWith('HTTP/1.1 403')
    expect(byName.refused).toEqual(['a.test leads to a loopback address, which must be named itself in network.yaml'])
    const both = await gateWith({ allow: [`a.test:${port}`, `127.0.0.1:${port}`] }, names)
    expect(await get(both.gate, `a.test:${port}`)).toEndWith('inside')
    const otherPort = await gateWith({ allow: [`a.test:${port}`, '127.0.0.1:1'] }, names)
    expect(await get(otherPort.gate, `a.test:${port}`)).toStartWith('HTTP/1.1 403')
  })
})

describe('names', () => {
  test('are resolved once for a connection, and the address that was judged is the one that is dialled', async () => {
    const good = server(() => new Response('good'))
    const names: Record<string, readonly string[]> = { 'rebind.test': ['127.0.0.1'] }
    const { gate, asked } = await gateWith({ allow: [`rebind.test:${good}`, `127.0.0.1:${good}`] }, names)
    expect(await get(gate, `rebind.test:${good}`)).toEndWith('good')
    expect(asked).toEqual(['rebind.test'])
    names['rebind.test'] = ['10.0.0.1']
    expect(await get(gate, `rebind.test:${good}`)).toStartWith('HTTP/1.1 403')
    expect(asked).toEqual(['rebind.test', 'rebind.test'])
  })

  test('with one bad address among good ones are not dialled at all', async () => {
    const port = server(() => new Response('good'))
    const { gate } = await gateWith(
      { allow: [`mixed.test:${port}`, `127.0.0.1:${port}`] },
      { 'mixed.test': ['127.0.0.1', '10.0.0.1'] },
    )
    expect(await get(gate, `mixed.test:${port}`)).toStartWith('HTTP/1.1 403')
  })

  test('with a NUL, a user, a path or no end are no names', async () => {
    const port = server(() => new Response('good'))
    const { gate, asked } = await gateWith({ allow: ['*:*', `127.0.0.1:${port}`] }, { 'a.test': ['127.0.0.1'] })
    for (const authority of [
      'a.test\0.evil.test:80',
      'a.test:80\0',
      'user@a.test:80',
      'a.test:99999',
      '',
      ':80',
      'a.test:80:80',
      '[a.test]:80',
      'a%00.test:80',
    ]) {
      const answer = await tunnel(gate, authority)
      expect([authority, answer === '' || /^HTTP\/1.1 (400|403|407)/.test(answer)]).toEqual([authority, true])
    }
    expect(asked).toEqual([])
    expect(await speak(gate, `GET ftp://a.test/ HTTP/1.1`)).toStartWith('HTTP/1.1 400')
    expect(await speak(gate, 'GET / HTTP/1.1')).toStartWith('HTTP/1.1 400')
    expect(await get(gate, `A.TEST.:${port}`)).toEndWith('good')
  })
})

describe('limits', () => {
  test('connections at once, connections in a minute, and bytes of a download', async () => {
    let answer: (() => void) | undefined
    const held = new Promise<void>(resolve => {
      answer = resolve
    })
    const port = server(async request => {
      if (request.url.endsWith('/wait')) await held
      return new Response(request.url.endsWith('/big') ? 'x'.repeat(3_000_000) : 'small')
    })
    const allow = [`127.0.0.1:${port}`]
    const { gate, refused } = await gateWith({ allow, maxConnections: 1, downloadBytes: 1_000_000 })
    const first = get(gate, `127.0.0.1:${port}`, '/wait')
    for (let tries = 0; !(await get(gate, `127.0.0.1:${port}`)).startsWith('HTTP/1.1 429'); tries++)
      expect(tries).toBeLessThan(100)
    answer?.()
    expect(await first).toEndWith('small')
    expect((await get(gate, `127.0.0.1:${port}`, '/big')).length).toBeLessThan(1_100_000)
    expect(refused.at(-1)).toBe('127.0.0.1 sent more than max_download_size_mb of permissions.yaml allows (0 MiB)')
  })

  test('a minute has its number of connections, and the next one has them again', async () => {
    let now = 0
    const gate = await openGate({
      lookup: () => Promise.resolve([]),
      ownAddresses: () => [],
      now: () => now,
      onRefusal: () => {},
    })
    open.push(gate)
    gate.follow({ allow: [], deny: [], requestsPerMinute: 2, maxConnections: 1, downloadBytes: undefined })
    expect([gate.mayAsk(), gate.mayAsk(), gate.mayAsk()]).toEqual([true, true, false])
    now = 59_999
    expect(gate.mayAsk()).toBe(false)
    now = 60_000
    expect([gate.mayAsk(), gate.mayAsk(), gate.mayAsk()]).toEqual([true, true, false])
  })

  test('a request carries neither our password nor a second request on its connection', async () => {
    let seen: Headers | undefined
    const port = server(request => {
      seen = request.headers
      return new Response('ok')
    })
    const { gate } = await gateWith({ allow: [`127.0.0.1:${port}`] })
    expect(await get(gate, `127.0.0.1:${port}`)).toEndWith('ok')
    expect(seen?.get('proxy-authorization')).toBeNull()
    expect(seen?.get('connection')).toBe('close')
  })
})
