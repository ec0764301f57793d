import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { untilTrue } from '../os/testing/until-true.ts'
import { policyWith, rules } from '../policy/rules/testing/policy.ts'
import { createSandbox } from './create.ts'
import type { Sandbox, SandboxPolicy } from './sandbox.ts'
import { type Places, shellIn, somePlaces } from './testing/places.ts'

setDefaultTimeout(120_000)

/** A server of this machine, with what reached it. */
interface Server {
  readonly port: number
  /** The Authorization of each request. */
  readonly requests: (string | null)[]
  stop(): unknown
}

const serve = (answer: (request: Request) => Response | Promise<Response>): Server => {
  const requests: (string | null)[] = []
  const server = Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1' },
    fetch: request => {
      requests.push(request.headers.get('authorization'))
      return answer(request)
    },
  })
  return { port: server.port ?? 0, requests, stop: () => server.stop(true) }
}

const policy = policyWith({ read: rules(['workspace']), write: rules(['workspace']), env: rules(['PATH', 'HOME', 'TMPDIR']) })
const names: Record<string, readonly string[]> = {}

let places: Places
let sandbox: Sandbox
let run: ReturnType<typeof shellIn>
let good: Server
let secret: Server

beforeAll(async () => {
  places = await somePlaces()
  good = serve(request => {
    const to = new URL(request.url).searchParams.get('to')
    return to === null ? new Response('good') : Response.redirect(to)
  })
  secret = serve(() => new Response('secret'))
  for (const name of ['good.test', 'other.test']) names[name] = ['127.0.0.1']
  sandbox = createSandbox({
    lookup: host => Promise.resolve(names[host] ?? []),
    ownAddresses: () => ['198.41.0.4'],
    plainCredentials: true,
  })
  run = shellIn(sandbox, places, policy)
})

afterAll(async () => {
  await sandbox.stop()
  good.stop()
  secret.stop()
  await places[Symbol.asyncDispose]()
})

/** Rules that let `good.test` reach this machine's test server. */
const net = (more: readonly string[] = [], deny: readonly string[] = []) => ({
  net: { allow: [`good.test:${good.port}`, `127.0.0.1:${good.port}`, ...more], deny },
})

const curl = 'curl -sS --max-time 5'

describe('a command', () => {
  test('reaches a host that a rule names, and is told why it does not reach another', async () => {
    expect(await run(`${curl} http://good.test:${good.port}/`, net())).toMatchObject({ stdout: 'good', reached: ['good.test'] })
    const refused = await run(`${curl} http://other.test:${good.port}/; ${curl} https://example.com/`, net())
    expect(refused.notes.join('\n')).toContain(`nothing in network.yaml allows other.test:${good.port}`)
    expect(refused.notes.join('\n')).toContain('nothing in network.yaml allows example.com:443')
    expect(refused.reached).toEqual([])
  })

  test('reaches nothing with an empty list, and nothing that is denied', async () => {
    const before = good.requests.length
    await run(`${curl} http://good.test:${good.port}/ http://127.0.0.1:${good.port}/`, { net: { allow: [], deny: [] } })
    await run(`${curl} http://good.test:${good.port}/`, net([], ['good.test:*']))
    expect(good.requests.length).toBe(before)
  })

  test('has no way around the proxy: no network device, no resolver, no port of this machine', async () => {
    const before = secret.requests.length
    const { stdout, code } = await run(
      `${curl} --noproxy '*' http://127.0.0.1:${secret.port}/; ${curl} --noproxy '*' http://1.1.1.1/; getent hosts example.com;` +
        `python3 -c 'import socket; socket.create_connection(("127.0.0.1", ${secret.port}), 2)'; grep -c : /proc/net/dev`,
      net(['*:*']),
    )
    expect([stdout.trim(), code]).toEqual(['1', 0])
    expect(secret.requests.length).toBe(before)
  })

  test('is not led into this machine or a private network by an address in disguise', async () => {
    const before = secret.requests.length
    const hosts = [
      'localhost',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '127.0.0.1.',
      '198.41.0.4',
      '10.0.0.1',
      '169.254.169.254',
      '[::ffff:a9fe:a9fe]',
      '2852039166',
    ]
    const { stdout, notes } = await run(
      `for h in ${hosts.map(host => `'${host}'`).join(' ')}; do ${curl} -g --noproxy '' -x "$HTTP_PROXY" "http://$h:${secret.port}/"; ${curl} -g -p --noproxy '' -x "$HTTP_PROXY" "http://$h:${secret.port}/"; done`,
      net(['*:*']),
    )
    expect(stdout).not.toContain('secret')
    expect(secret.requests.length).toBe(before)
    expect(notes.length).toBeGreaterThan(0)
  })

  test('is not led there by a redirect, nor by a name whose address changed', async () => {
    const before = secret.requests.length
    for (const target of [
      `http://127.0.0.1:${secret.port}/`,
      `http://localhost:${secret.port}/`,
      'http://169.254.169.254/latest/meta-data/',
      'http://10.0.0.1/',
    ]) {
      const { stdout } = await run(
        `${curl} --noproxy '' -L 'http://good.test:${good.port}/?to=${encodeURIComponent(target)}'`,
        net(['*:*']),
      )
      expect(stdout).not.toContain('secret')
    }
    names['rebind.test'] = ['127.0.0.1']
    const allowed = net([`rebind.test:${good.port}`])
    expect((await run(`${curl} http://rebind.test:${good.port}/`, allowed)).stdout).toBe('good')
    names['rebind.test'] = ['10.9.9.9']
    expect((await run(`${curl} http://rebind.test:${good.port}/`, allowed)).notes.join()).toContain(
      'rebind.test leads to a private address',
    )
    expect(secret.requests.length).toBe(before)
  })

  test('gains nothing by a CONNECT with a NUL, by another user of the proxy, or by SOCKS', async () => {
    const before = secret.requests.length
    const { stdout } = await run(
      [
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
        'auth=$(printf %s "${HTTP_PROXY#http://}" | cut -d@ -f1 | base64 -w0)',
        `printf 'CONNECT good.test\\0.evil.test:${secret.port} HTTP/1.1\\r\\nProxy-Authorization: Basic %s\\r\\n\\r\\n' "$auth" | timeout 3 socat - TCP:localhost:3128 | head -1`,
        `printf 'CONNECT 127.0.0.1:${good.port} HTTP/1.1\\r\\n\\r\\n' | timeout 3 socat - TCP:localhost:3128 | head -1`,
        `${curl} -x socks5h://localhost:1080 http://localhost:${secret.port}/ 2>&1`,
        `${curl} -x socks5h://\${ALL_PROXY#http://} http://127.0.0.1:${secret.port}/ 2>&1`,
      ].join('\n'),
      net(['*:*']),
    )
    expect(stdout).not.toMatch(/ 200 |secret/)
    expect(secret.requests.length).toBe(before)
  })
})

describe('limits', () => {
  test('of connections in a minute', async () => {
    const before = good.requests.length
    const { notes } = await run(`for i in 1 2 3 4 5; do ${curl} http://good.test:${good.port}/; done`, {
      ...net(),
      requestsPerMinute: 3,
    })
    expect(good.requests.length - before).toBeLessThan(4)
    expect(notes.join()).toContain('more than 3 connections in a minute (rate_limit_requests_per_minute)')
  })

  test('of the size of a download', async () => {
    const big = serve(() => new Response('x'.repeat(5_000_000)))
    const changes = { net: { allow: [`good.test:${big.port}`, `127.0.0.1:${big.port}`], deny: [] }, downloadMebibytes: 1 }
    const { stdout, notes } = await run(`${curl} http://good.test:${big.port}/ | wc -c`, changes)
    big.stop()
    expect(Number(stdout)).toBeLessThan(2_000_000)
    expect(notes.join()).toContain('max_download_size_mb')
  })
})

test('a change of the rules holds at once, also for a command that runs already', async () => {
  const line = `touch started; while [ ! -e go ]; do sleep 0.05; done; ${curl} http://good.test:${good.port}/`
  const running = run(line, net())
  await untilTrue(() => Bun.file(`${places.workspace}/started`).exists())
  await run('touch go', { net: { allow: [], deny: [] } })
  expect((await running).stdout).not.toContain('good')
})

test('credentials are a placeholder inside, and their value only for the hosts that they are for', async () => {
  const credentials: SandboxPolicy['credentials'] = [{ name: 'TOKEN', value: 'the real token', hosts: ['good.test'] }]
  const seen = (server: Server) => server.requests.at(-1)
  const changes = { ...net([`other.test:${good.port}`]), credentials }
  const { stdout } = await run(`env; ${curl} -H "Authorization: $TOKEN" http://good.test:${good.port}/`, changes)
  expect(stdout).toContain('TOKEN=fake_value_')
  expect(stdout).not.toContain('the real token')
  expect(seen(good)).toBe('the real token')
  await run(`${curl} -H "Authorization: $TOKEN" http://other.test:${good.port}/`, changes)
  expect(seen(good)).toStartWith('fake_value_')
  expect(process.env.TOKEN).toBeUndefined()
})

test('credentials are swapped in inside HTTPS too, and only for their host', async () => {
  const at = (name: string) => join(places.home, name)
  const made = Bun.spawnSync(
    [
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...[
        '-keyout',
        at('key.pem'),
        '-out',
        at('cert.pem'),
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
      ],
    ],
    { stderr: 'ignore' },
  )
  expect(made.exitCode).toBe(0)
  using server = Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1', tls: { key: Bun.file(at('key.pem')), cert: Bun.file(at('cert.pem')) } },
    fetch: request => new Response(`${request.headers.get('authorization')}\n`),
  })
  const env = { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: at('cert.pem') }
  const script = join(import.meta.dir, 'testing/speak-tls.ts')
  const { stdout } = Bun.spawn([process.execPath, script, String(server.port)], { env, stdout: 'pipe' })
  const [named, other, inside] = (await new Response(stdout).text()).split('\n')
  expect(named).toBe('the real token')
  expect(other).toStartWith('fake_value_')
  expect(inside).toBe(other)
})
