import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { armor, Encrypter } from 'age-encryption'
import { Redis } from 'ioredis'
import { setSharedSecret } from '../desired-state/edit-secrets.ts'
import { filesWith, foundIn, mark, searchFor, tracesOf, wronglyGiven } from './support/planted.ts'
import { allPages, apiAnswers, keyLike, needs, type PlantedHouse, plantedHouse, scriptAgents } from './support/planted-house.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let house: PlantedHouse
/** Everything that was printed or answered, by what was asked. */
const shown = new Map<string, string>()

beforeAll(async () => {
  house = await plantedHouse()
  const { aws, plant, outside, planted } = house
  aws.put('ai-infrastructure/from-aws', plant('aws', keyLike()))
  aws.put('ai-infrastructure/postgres', JSON.stringify({ username: 'shop', password: plant('aws-field') }))
  await outside.byHand(`CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.vault (value text);
    INSERT INTO elsewhere.vault VALUES ('${planted.get('environment')}'), ('${planted.get('aws')}');
    CREATE ROLE shop LOGIN PASSWORD '${planted.get('database')}'; CREATE ROLE stock LOGIN PASSWORD '${planted.get('aws-field')}';
    GRANT USAGE ON SCHEMA elsewhere TO shop, stock; GRANT SELECT ON elsewhere.vault TO shop, stock;`)
})
afterAll(() => house?.[Symbol.asyncDispose]())

const run = async (stdin: string, ...args: string[]) => {
  const ended = await house.appliance.commandWith(stdin, ...args)
  shown.set(`command ${args.join(' ')} ${shown.size}`, ended.out + ended.error)
  return ended
}

const push = async (files: Record<string, string>) => {
  const pushed = await house.clone.deliver(files)
  shown.set(`push ${shown.size}`, pushed.shown)
  return pushed
}

const zone = (name: string, secret: string) =>
  `  ${name}: { provider: ${secret.toLowerCase()}, records: { mail: { A: 203.0.113.25 } } }\n`
const provider = (secret: string) =>
  `  ${secret.toLowerCase()}: { type: rfc2136, server: 127.0.0.1, port: ${house.bind.port}, key: ai-infra, secret: "secret:${secret}" }\n`
const dnsYaml = (first: string, second: string) =>
  `providers:\n${[...new Set([first, second])].map(provider).join('')}zones:\n${zone('example.com', first)}${zone('example.net', second)}`

const record = (name: string) => house.appliance.resource('dns-record', `mail.${name}/A`)
const isStalled = (name: string) => until(`${name} is refused`, async () => (await record(name))?.state === 'stalled')

test('secrets of every place are set, used, refused, rotated and removed', async () => {
  const { appliance, aws, bind, clone, plant } = house
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
  expect((await run(plant('wrong'), 'secret', 'set', 'NEW')).code).toBe(0)
  await isStalled('example.net')
  expect((await run(bind.secret, 'secret', 'set', 'NEW')).code).toBe(0)
  await until('it is ready', async () => (await record('example.net'))?.state === 'ready')
  expect(aws.valueOf('ai-infrastructure/new')).toBe(bind.secret)
  await push({ 'dns.yaml': dnsYaml('NEW', 'NEW') })
  await appliance.converged()
})

test('agents that query databases, and a Claude that repeats its key, get and give none of them', async () => {
  const { outside, model, plant } = house
  await run(plant('other-db'), 'secret', 'set', 'OTHER_DB')
  const database = (user: string, more: string) =>
    `  ${user}: { host: 127.0.0.1, port: ${outside.postgresPort}, database: ai_infrastructure, user: ${user}, tls: none${more} }\n`
  await push({
    'databases.yaml': `databases:\n${database('shop', '')}${database('stock', ', password: secret:POSTGRES.password')}${database('other', ', password: secret:OTHER_DB')}`,
    'network.yaml': `network:\n  data: { allow: ["127.0.0.1:${outside.postgresPort}"] }\n`,
  })
  await house.appliance.converged()
  scriptAgents(house, ['shop', 'stock', 'other'])
  expect((await run('', 'say', 'Look.', '--agent', 'data')).code).toBe(0)
  expect((await run('', 'say', 'Look.', '--agent', 'research')).code).toBe(1)
  const asked = model.calls.map(({ body }) => body).join('\n')
  expect(asked).toContain('(2 rows)')
  expect(asked).toContain('password authentication failed for user \\"other\\"')
  shown.set('what Claude was asked', asked)
})

test('restic, certbot and Git do their work, and are refused, with secrets that nobody else is given', async () => {
  const { appliance, git, pebble, rest, plant } = house
  plant('backup-token')
  for (const name of ['restic', 'rest-user', 'rest-secret', 'git-token', 'backup-token'])
    await run(house.planted.get(name) ?? plant(name), 'secret', 'set', name.toUpperCase().replace('-', '_'))
  git.echoes = true
  const settings = `secret_store: aws\ncertificate_issuer: ${pebble.directory}\ncertificate_issuer_ca: ${pebble.authorities}\npublic_addresses: [127.0.0.1]\n`
  await push({
    'settings.yaml': `${settings}upstream: { url: "${git.url}", token: secret:GIT_TOKEN }\n`,
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop, tls: acme, challenge: dns }\n',
    'backups.yaml': `backups:
  nightly:
    { repository: "${rest.address}", password: secret:RESTIC, access_key: secret:REST_USER, secret_key: secret:REST_SECRET,
      what: [desired-state, postgres, secrets], drill: never }
git:
  code: { repository: "https://127.0.0.1:${new URL(git.url).port}/me/code.git", what: code, token: secret:BACKUP_TOKEN }
`,
  })
  const resource = async (kind: string, key: string) => (await appliance.resource(kind, key))?.state
  const upstream = await until('the upstream has refused', async () => {
    const found = await appliance.resource('upstream', 'main')
    return found?.state === 'waiting' && found.message.includes('you sent') ? found.message : undefined
  }).catch(async cause => {
    throw new Error((await run('', 'status')).out, { cause })
  })
  expect(upstream).toContain('[secret]')
  git.echoes = false
  await until('the certificate is there', async () => (await resource('certificate', 'shop.example.com')) === 'ready', 60_000)
  await until('the backup is there', async () => (await run('', 'backup', 'list', 'nightly')).out.trim() !== '', 60_000)
  await run('', 'upstream', 'look')
  await until('the upstream is as main', async () => (await resource('upstream', 'main')) === 'ready', 60_000)
  await until('the other Git was tried', async () => (await resource('backup', 'code')) !== 'reconciling')
})

test('no page, answer or verb shows any of them, not even where they are set', async () => {
  const { appliance, planted, plant, visitor } = house
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
  const pages = await allPages(appliance, visitor)
  for (const path of ['/', '/secrets', '/secrets/NEW', '/backups', '/dns', '/audit', '/agents/data', '/chat'])
    expect([...pages.keys()]).toContain(path)
  for (const [path, text] of pages) shown.set(`page ${path}`, text)
  const answers = await apiAnswers(appliance)
  for (const path of ['/api/secrets', '/api/status', '/api/plan', '/api/history']) expect([...answers.keys()]).toContain(path)
  for (const [path, text] of answers) shown.set(`answer ${path}`, text)
  for (const key of ['dns-record/mail.example.net%2FA', 'upstream/main', 'backup/nightly', 'backup/code'])
    shown.set(`runs ${key}`, await (await fetch(`http://appliance/api/runs/${key}`, { unix: appliance.home.apiSocket })).text())
  for (const verb of [
    ['status'],
    ['plan'],
    ['secret', 'list'],
    ['doctor'],
    ['secret', 'remove', 'FROM_PORTAL'],
    ['secret', 'remove', 'FROM_HOME'],
    ['audit', 'verify'],
  ])
    await run('', ...verb)
  const typed = 'argument-0123456789abcdef05'
  const told = await run('', 'secret', 'set', 'NAME', typed)
  expect([told.code, told.error.includes(typed), told.out]).toEqual([2, false, ''])
  const listed = shown.get('answer /api/secrets') ?? ''
  for (const name of ['FROM_ENVIRONMENT', 'FROM_FILE', 'SHARED', 'FROM_AWS', 'POSTGRES', 'FROM_PORTAL'])
    expect(listed).toContain(name)
  const find = searchFor(planted)
  for (const [what, text] of shown) expect([what, find(text)]).toEqual([what, []])
  expect(foundIn(appliance.printed(), planted)).toEqual([])
})

test('the audit says which secret was used for what', async () => {
  const address = `http://127.0.0.1:${house.appliance.ports.portal}/api/audit?type=secret_accessed&limit=500`
  const used = await fetch(address, { headers: { cookie: house.visitor.cookie } })
  const text = await used.text()
  for (const name of ['FROM_ENVIRONMENT', 'FROM_HOME', 'SHARED', 'FROM_AWS', 'FROM_FILE', 'NEW', 'RESTIC', 'GIT_TOKEN'])
    expect(text).toContain(`"target":"${name}"`)
  expect(text).toContain('"for":"dns provider new"')
  expect(text).toContain('"for":"database stock, asked by data"')
})

test('no table, message or process holds any of them', async () => {
  const { outside, planted, processes, starts } = house
  processes.stop()
  expect(processes.looks()).toBeGreaterThan(20)
  expect([...processes.seen]).toEqual([])
  const { wrong, given } = await wronglyGiven(starts, planted, needs)
  expect(wrong).toEqual([])
  // The search finds what is there.
  expect([...given].toSorted()).toEqual(['backup-token', 'database-url', 'git-token', 'rest-secret', 'rest-user', 'restic'])
  const tables = await outside.dump()
  expect(tables).toContain('COPY public.run ')
  expect(foundIn(tables, planted)).toEqual([])
  const redis = new Redis(outside.redisUrl)
  const kept: string[] = []
  for (const key of await redis.keys('*')) kept.push(key, ((await redis.dumpBuffer(key)) ?? Buffer.alloc(0)).toString('latin1'))
  await redis.quit()
  expect(kept.length).toBeGreaterThan(0)
  expect(foundIn(kept.join('\n'), planted)).toEqual([])
})

test('no file of the home holds any of them, but the one that is encrypted and the commits of their author', async () => {
  const { appliance, planted } = house
  const { home } = appliance
  await appliance.end('SIGINT')
  const found = await filesWith(home.root, planted, ['desired-state.git', 'clones'])
  expect(found).toEqual([])
  expect(foundIn(appliance.printed(), planted)).toEqual([])
  // The search finds what is there.
  await Bun.write(join(home.logs, 'trap.log'), `x ${tracesOf(mark('trap'))} ${tracesOf(planted.get('home') ?? '').at(-2)} y`)
  expect(await filesWith(home.root, planted, ['desired-state.git', 'clones'])).toHaveLength(1)
})
