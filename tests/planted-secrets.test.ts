import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { armor, Encrypter } from 'age-encryption'
import { Redis } from 'ioredis'
import { signIn, type Visitor } from '../bench/sign-in.ts'
import { setSharedSecret } from '../desired-state/edit-secrets.ts'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { type AwsServer, startAwsServer, testKeys, testRegion } from '../runtime/secrets/aws/testing/server.ts'
import { findPostgres } from '../runtime/services/postgres-program.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { filesWith, foundIn, mark, tracesOf, watchProcesses } from './support/planted.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let bind: Bind
let aws: AwsServer
let clone: Clone
let visitor: Visitor
let processes: ReturnType<typeof watchProcesses>
/** Every value, by where it was planted. */
const planted = new Map<string, string>()
/** Everything that was printed or answered, by what was asked. */
const shown = new Map<string, string>()

const plant = (where: string, value = mark(where)): string => {
  planted.set(where, value)
  return value
}

beforeAll(async () => {
  appliance = await createAppliance()
  bind = await startBind(['example.com', 'example.net'])
  aws = startAwsServer()
  plant('tsig', bind.secret)
  aws.put('ai-infrastructure/from-aws', plant('aws', key()))
  aws.put('ai-infrastructure/postgres', JSON.stringify({ username: 'shop', password: plant('aws-field') }))
  processes = watchProcesses(planted, commandLine => commandLine.endsWith('/main.ts up '))
  await appliance.start({
    env: {
      AI_INFRA_SECRET_FROM_ENVIRONMENT: plant('environment', key()),
      AI_INFRA_DATABASE_PASSWORD_SHOP: plant('database'),
      ANTHROPIC_API_KEY: plant('claude', `sk-ant-${mark('claude').replaceAll(/[^a-z0-9-]/g, '')}`),
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
      ...{ AWS_REGION: testRegion, AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url },
      ...{ AWS_ACCESS_KEY_ID: testKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: testKeys.secretAccessKey },
    },
  })
  planted.set('aws-key', testKeys.secretAccessKey)
  clone = await appliance.clone()
  visitor = await signIn(appliance)
})
afterAll(async () => {
  processes?.stop()
  await appliance?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
  await aws?.[Symbol.asyncDispose]()
})

/** What could be a key of TSIG. */
const key = () => randomBytes(33).toString('base64')

const run = async (stdin: string, ...args: string[]) => {
  const ended = await appliance.commandWith(stdin, ...args)
  shown.set(`command ${args.join(' ')} ${shown.size}`, ended.out + ended.error)
  return ended
}

const push = async (files: Record<string, string>) => {
  const pushed = await clone.deliver(files)
  shown.set(`push ${shown.size}`, pushed.shown)
  return pushed
}

const zone = (name: string, secret: string) =>
  `  ${name}: { provider: ${secret.toLowerCase()}, records: { mail: { A: 203.0.113.25 } } }\n`
const provider = (secret: string) =>
  `  ${secret.toLowerCase()}: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:${secret}" }\n`
const dnsYaml = (first: string, second: string) =>
  `providers:\n${[...new Set([first, second])].map(provider).join('')}zones:\n${zone('example.com', first)}${zone('example.net', second)}`

const record = (name: string) => appliance.resource('dns-record', `mail.${name}/A`)
const isStalled = (name: string) => until(`${name} is refused`, async () => (await record(name))?.state === 'stalled')

test('secrets of every place are set, used, refused, rotated and removed', async () => {
  await run(plant('home'), 'secret', 'set', 'FROM_HOME')
  await run(`first line ${plant('lines-1')}\nsecond line ${plant('lines-2')}\n`, 'secret', 'set', 'FROM_FILE')
  const recipient = (await run('', 'secret', 'recipient')).out.trim()
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const shared = armor.encode(await encrypter.encrypt(plant('repository')))
  const refused = await push({
    'secrets.age.yaml': `secrets: { CLEAR: "${plant('clear', 'clear-0123456789abcdef01')}" }\n`,
    'domains.yaml': `domains:\n  a.example.com: { root: a, deploy: { repo: "https://me:${plant('repo', 'repo-0123456789abcdef02')}@127.0.0.1:1/a.git" } }\n  b.example.com: { proxy: "http://me:${plant('proxy', 'proxy-0123456789abcdef03')}@127.0.0.1:1" }\n`,
  })
  expect(refused.accepted).toBe(false)
  await clone.reset()
  const settings = { 'settings.yaml': 'secret_store: aws\n', 'secrets.age.yaml': setSharedSecret(undefined, 'SHARED', shared) }
  expect((await push({ ...settings, 'dns.yaml': dnsYaml('FROM_ENVIRONMENT', 'FROM_HOME') })).accepted).toBe(true)
  for (const name of ['example.com', 'example.net']) await isStalled(name)
  await push({ 'dns.yaml': dnsYaml('SHARED', 'FROM_AWS') })
  for (const name of ['example.com', 'example.net']) await isStalled(name)
  await push({ 'dns.yaml': dnsYaml('FROM_FILE', 'NEW') })
  await until('it waits for the one that is missing', async () =>
    (await record('example.net'))?.message.includes('NEW is not set'),
  )
  expect((await run(plant('wrong', `${mark('wrong')}`), 'secret', 'set', 'NEW')).code).toBe(0)
  await isStalled('example.net')
  expect((await run(bind.secret, 'secret', 'set', 'NEW')).code).toBe(0)
  await until('it is ready', async () => (await record('example.net'))?.state === 'ready')
  expect(aws.valueOf('ai-infrastructure/new')).toBe(bind.secret)
  await push({ 'dns.yaml': dnsYaml('NEW', 'NEW') })
  await appliance.converged()
})

test('no page, answer or verb shows any of them, not even where they are set', async () => {
  const origin = `http://127.0.0.1:${appliance.ports.portal}`
  const form = (path: string, fields: Record<string, string>) =>
    fetch(`${origin}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin, cookie: visitor.cookie },
      body: new URLSearchParams(fields),
    })
  const fields: Record<string, string>[] = [
    { name: 'FROM_PORTAL', value: plant('portal') },
    { name: 'FROM_PORTAL', value: plant('portal-rotated') },
    { name: plant('as-name', 'as-name-0123456789abcdef04'), value: plant('beside-bad-name') },
    { name: 'TOO_LONG', value: `${plant('too-long')}${'x'.repeat(70_000)}` },
  ]
  for (const each of fields) shown.set(`form ${shown.size}`, await (await form('/secrets/set', each)).text())
  const api = (body: unknown) =>
    fetch('http://appliance/api/secrets', {
      unix: appliance.home.apiSocket,
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  for (const body of [
    { name: 'FROM_API', value: plant('api') },
    { name: 'x', value: plant('bad-api') },
    { nam: plant('odd-api') },
  ])
    shown.set(`api ${shown.size}`, await (await api(body)).text())
  for (const path of [
    '/',
    '/secrets',
    '/secrets/FROM_PORTAL',
    '/secrets/NEW',
    '/domains',
    '/changes',
    '/audit',
    '/agents',
    '/tasks',
    '/chat',
    '/resources/dns-record/mail.example.net%2FA',
  ]) {
    const response = await fetch(`${origin}${path}`, { headers: { cookie: visitor.cookie } })
    expect([path, response.status]).toEqual([path, 200])
    shown.set(`page ${path}`, await response.text())
  }
  for (const path of [
    'secrets',
    'status',
    'services',
    'plan',
    'history',
    'runs/dns-record/mail.example.net%2FA',
    'runs/dns-record/mail.example.com%2FA',
    'agents',
    'openapi.json',
    'holds',
  ]) {
    const response = await fetch(`http://appliance/api/${path}`, { unix: appliance.home.apiSocket })
    const text = await response.text()
    expect([path, response.status, response.status === 200 ? '' : text]).toEqual([path, 200, ''])
    shown.set(`api ${path}`, text)
  }
  for (const verb of [
    ['status'],
    ['plan'],
    ['secret', 'list', '--json'],
    ['secret', 'list'],
    ['history'],
    ['doctor'],
    ['secret', 'remove', 'FROM_PORTAL'],
    ['secret', 'remove', 'FROM_HOME'],
    ['audit', 'verify'],
  ])
    await run('', ...verb)
  const typed = 'argument-0123456789abcdef05'
  const told = await run('', 'secret', 'set', 'NAME', typed)
  expect([told.code, told.error.includes(typed), told.out]).toEqual([2, false, ''])
  const listed = shown.get('api secrets') ?? ''
  for (const name of ['FROM_ENVIRONMENT', 'FROM_FILE', 'SHARED', 'FROM_AWS', 'POSTGRES', 'FROM_PORTAL'])
    expect(listed).toContain(name)
  for (const [what, text] of shown) expect([what, foundIn(text, planted)]).toEqual([what, []])
  expect(foundIn(appliance.printed(), planted)).toEqual([])
})

test('the audit says which secret was used for what', async () => {
  const address = `http://127.0.0.1:${appliance.ports.portal}/api/audit?type=secret_accessed&limit=500`
  const used = await fetch(address, { headers: { cookie: visitor.cookie } })
  const text = await used.text()
  for (const name of ['FROM_ENVIRONMENT', 'FROM_HOME', 'SHARED', 'FROM_AWS', 'FROM_FILE', 'NEW'])
    expect(text).toContain(`"target":"${name}"`)
  expect(text).toContain('"for":"dns provider new"')
})

test('no table, message or process holds any of them', async () => {
  const { home } = appliance
  const { folder } = await findPostgres(home)
  const dump = Bun.spawn([join(folder, 'pg_dump'), '-h', home.postgresSockets, '-U', 'ai_infra', '-d', 'ai_infrastructure'], {
    stdout: 'pipe',
    stderr: 'inherit',
    env: { LANG: 'C.UTF-8' },
  })
  const tables = await new Response(dump.stdout).text()
  expect(tables).toContain('COPY public.run ')
  expect(foundIn(tables, planted)).toEqual([])
  const password = (await readFile(join(home.keys, 'redis-password'), 'utf8')).trim()
  const redis = new Redis({ path: home.redisSocket, password })
  const kept: string[] = []
  for (const key of await redis.keys('*')) kept.push(key, ((await redis.dumpBuffer(key)) ?? Buffer.alloc(0)).toString('latin1'))
  await redis.save()
  await redis.quit()
  expect(kept.length).toBeGreaterThan(0)
  expect(foundIn(kept.join('\n'), planted)).toEqual([])
  processes.stop()
  expect(processes.looks()).toBeGreaterThan(20)
  expect([...processes.seen]).toEqual([])
})

test('no file of the home holds any of them, but the one that is encrypted and the commits of their author', async () => {
  const { home } = appliance
  await appliance.end('SIGINT')
  const found = await filesWith(home.root, planted, ['desired-state.git', 'clones'])
  expect(found).toEqual([])
  expect(foundIn(appliance.printed(), planted)).toEqual([])
  // The search finds what is there.
  await Bun.write(join(home.logs, 'trap.log'), `x ${tracesOf(planted.get('home') ?? '').at(-2)} y`)
  expect(await filesWith(home.root, planted, ['desired-state.git', 'clones'])).toHaveLength(1)
})
