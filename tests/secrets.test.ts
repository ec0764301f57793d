import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { type ModelServer, startModelServer } from '../agents/testing/model-server.ts'
import { held, say } from '../agents/testing/steps.ts'
import { setSharedSecret } from '../desired-state/edit-secrets.ts'
import { stateOf } from '../desired-state/testing/tree.ts'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let bind: Bind
let clone: Clone
let model: ModelServer
let trap: Trap

beforeAll(async () => {
  appliance = await createAppliance()
  bind = await startBind(['example.com', 'example.net'])
  model = startModelServer()
  trap = startTrap()
  await appliance.start({
    env: { ANTHROPIC_BASE_URL: model.url, CLOUDFLARE_BASE_URL: `http://127.0.0.1:${trap.port}/client/v4` },
  })
  clone = await appliance.clone()
})
afterAll(async () => {
  await appliance?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
  await model?.stop()
  trap?.[Symbol.dispose]()
})

/** A server that tells whether somebody came. */
interface Trap extends Disposable {
  readonly port: number
  readonly visits: () => number
}

function startTrap(): Trap {
  let visits = 0
  const count = (socket: { end(): void }) => {
    visits++
    socket.end()
  }
  const listener = Bun.listen({ hostname: '0.0.0.0', port: 0, socket: { open: count, data() {} } })
  return { port: listener.port, visits: () => visits, [Symbol.dispose]: () => listener.stop(true) }
}

/** `other`: another name for the server, by which it is asked to keep a second zone. */
const dnsYaml = (secret: string, other?: string) => `providers:
${provider('home', '127.0.0.1', secret)}${other === undefined ? '' : provider('other', other, secret)}zones:
  example.com: { provider: home, records: { mail: { A: 203.0.113.25 } } }
${other === undefined ? '' : '  example.net: { provider: other, records: { mail: { A: 203.0.113.25 } } }\n'}`
const provider = (name: string, server: string, secret: string) =>
  `  ${name}: { type: rfc2136, server: ${server}, port: ${bind.port}, key: ai-infra, secret: "secret:${secret}" }\n`

const record = () => appliance.resource('dns-record', 'mail.example.com/A')

test('a record whose secret is not set waits and says what to type; once it is typed the record appears', async () => {
  const pushed = await clone.deliver({ 'dns.yaml': dnsYaml('DNS_KEY') })
  expect(pushed.shown).toContain('the secret DNS_KEY is not set')
  expect(pushed.shown).toMatch(/secret set DNS_KEY reads it from standard input/)
  await until('it waits', async () => (await record())?.state === 'waiting')
  const missing = await appliance.command('secret', 'list')
  expect(missing.out).toMatch(/^DNS_KEY {2}MISSING: .*secret set DNS_KEY +dns\.yaml example\.com$/m)
  const set = await appliance.commandWith(`${bind.secret}\n`, 'secret', 'set', 'DNS_KEY')
  expect(set.error).toBe('the line break at its end is left out\n')
  expect(set).toMatchObject({
    code: 0,
    out: 'DNS_KEY is kept in the home, encrypted; what waits for it goes on within a minute\n',
  })
  await appliance.converged(pushed.revision)
  expect(await bind.ask('mail.example.com', 'A')).toEqual(['203.0.113.25'])
  expect((await appliance.command('secret', 'list')).out).toMatch(
    /^DNS_KEY {2}in the home, encrypted, changed \d+ s ago +dns\.yaml example\.com +goes to 127\.0\.0\.1:\d+ \(dns\)$/m,
  )
})

test('a wrong value is told without it, and the right one reaches the record', async () => {
  const wrong = Buffer.from('not the key of this server, not at all').toString('base64')
  expect((await appliance.commandWith(wrong, 'secret', 'set', 'DNS_KEY')).code).toBe(0)
  await until('it is refused', async () => (await record())?.state === 'stalled')
  expect((await record())?.message).toContain('does not accept the TSIG key ai-infra')
  expect((await record())?.message).not.toContain(wrong)
  expect((await appliance.commandWith(bind.secret, 'secret', 'set', 'DNS_KEY')).code).toBe(0)
  await appliance.converged()
})

test('a commit that names another server does not bring the secret there until a person allows it', async () => {
  const other = () => appliance.resource('dns-record', 'mail.example.net/A')
  const pushed = await clone.deliver({ 'dns.yaml': dnsYaml('DNS_KEY', 'localhost') })
  const told = `the secret DNS_KEY belongs to 127.0.0.1:${bind.port} (dns), and is not sent to localhost:${bind.port} (dns)`
  expect(pushed.shown).toContain(told)
  expect(await other()).toMatchObject({ state: 'waiting', message: expect.stringContaining(told) })
  expect(await record()).toMatchObject({ state: 'ready' })
  const there = `localhost:${bind.port}`
  expect((await appliance.command('secret', 'list')).out).toMatch(
    new RegExp(`^! DNS_KEY is wanted at ${there}.*secret allow DNS_KEY ${there}$`, 'm'),
  )
  expect(await appliance.command('secret', 'allow', 'DNS_KEY', 'no host')).toMatchObject({ code: 1 })
  expect(await appliance.command('secret', 'allow', 'DNS_KEY', there)).toMatchObject({ code: 0 })
  await appliance.converged(pushed.revision)
  const set = await appliance.commandWith(bind.secret, 'secret', 'set', 'DNS_KEY', '--for', '127.0.0.1,localhost')
  expect(set.code).toBe(0)
  expect((await appliance.command('secret', 'list')).out).toMatch(/^DNS_KEY .*goes to 127\.0\.0\.1, localhost$/m)
})

test('a branch and a plan that is asked for send no secret where main has not sent it, and say what they did not look at', async () => {
  for (const name of ['TSIG', 'CLOUDFLARE', 'GIT_PASSWORD', 'RESTIC'])
    await fetch('http://appliance/api/secrets', {
      unix: appliance.home.apiSocket,
      method: 'POST',
      body: JSON.stringify({ name, value: Buffer.from(`a value of ${name}, long enough`).toString('base64') }),
      headers: { 'content-type': 'application/json' },
    })
  const there = `127.0.0.1:${trap.port}`
  const before = await clone.read('dns.yaml')
  const evil = `  evil: { type: rfc2136, server: 127.0.0.1, port: ${trap.port}, key: ai-infra, secret: "secret:TSIG" }\n`
  const org = '  example.org: { provider: evil, records: { mail: { A: 203.0.113.25 } } }\n'
  const withZones = (providers: string, zones: string) =>
    before.replace('providers:\n', `providers:\n${providers}`).replace('zones:\n', `zones:\n${zones}`)
  const proposal = {
    'dns.yaml': withZones(
      `${evil}  known: { type: rfc2136, server: 127.0.0.2, port: ${trap.port}, key: ai-infra, secret: "secret:DNS_KEY" }
  cloud: { type: cloudflare, token: "secret:CLOUDFLARE" }\n`,
      `${org}  example.info: { provider: known, records: { mail: { A: 203.0.113.25 } } }
  example.dev: { provider: cloud, records: { mail: { A: 203.0.113.25 } }, cloudflare: { ssl: strict } }\n`,
    ),
    'settings.yaml': `upstream: { url: "http://${there}/me/config.git", token: secret:GIT_PASSWORD }\n`,
    'backups.yaml': `backups:\n  away: { repository: "rest:http://${there}/", password: "secret:RESTIC" }\n`,
    'domains.yaml': 'domains:\n  new.example.org: { root: new }\n',
  }
  await clone.ask('switch', '-q', '-c', 'proposal')
  await clone.write(proposal)
  const revision = await clone.commit()
  const pushed = await clone.push('origin', 'proposal')
  const asked = await appliance.command('plan', revision)
  for (const plan of [pushed.shown, asked.out]) {
    const unsent = (secret: string, use: string) =>
      `looked at once this is main; before that nothing is sent to ${there} (${use}) with the secret ${secret}, which main does`
    expect(plan).toContain(`? dns-record, site-record example.org: ${unsent('TSIG', 'dns')}`)
    expect(plan).toContain(`? dns-record, cloudflare-setting example.dev: ${unsent('CLOUDFLARE', 'dns without TLS')}`)
    expect(plan).toContain('? dns-record example.info: the secret DNS_KEY belongs to 127.0.0.1, localhost, and is not sent to')
    for (const rest of ['+ site  new.example.org', '+ backup away', '+ upstream main']) expect(plan).toContain(rest)
  }
  expect(trap.visits()).toBe(0)
  const listed = (await appliance.command('secret', 'list')).out
  for (const name of ['TSIG', 'CLOUDFLARE', 'GIT_PASSWORD', 'RESTIC'])
    expect(listed).toMatch(new RegExp(`^${name} +in the home, encrypted, changed \\d+ s ago *$`, 'm'))
  expect(listed).not.toContain('is wanted at')
  // The trap works, and main binds.
  await clone.ask('switch', '-q', '-')
  await clone.deliver({ 'dns.yaml': withZones(evil, org) })
  await until('somebody came', () => trap.visits() > 0)
  expect((await appliance.command('secret', 'list')).out).toMatch(new RegExp(`^TSIG .*goes to ${there} \\(dns\\)$`, 'm'))
  const back = await clone.deliver({ 'dns.yaml': before })
  for (const id of new Set(back.shown.match(/(?<=approve )[0-9a-f]{12}/g))) await appliance.command('approve', id)
  await appliance.converged()
})

test('whoever types the value as an argument is told why not, and it is not repeated', async () => {
  for (const args of [
    ['set', 'DNS_KEY', 'hunter2hunter2'],
    ['set', 'hunter2hunter2'],
    ['hunter2hunter2'],
    ['list', 'hunter2hunter2'],
  ]) {
    const ended = await appliance.commandWith('', 'secret', ...args)
    expect(ended.code).not.toBe(0)
    expect(ended.out + ended.error).not.toContain('hunter2')
  }
})

test('what can be no secret is refused with why: nothing, a megabyte, bytes, names that are paths; a short one is said', async () => {
  const set = (value: string, name = 'ODD') => appliance.commandWith(value, 'secret', 'set', name)
  const refused = await Promise.all([
    set(''),
    set('hunter2'.repeat(150_000)),
    set('nul\0hunter2'),
    set('hunter2hunter2', '../../x'),
  ])
  expect(refused.map(({ code }) => code)).toEqual([1, 1, 1, 1])
  const [empty, long, bytes, path] = refused.map(({ error }) => error)
  expect([empty, long]).toEqual([
    expect.stringContaining('the value is empty'),
    expect.stringContaining('longer than 65536 bytes'),
  ])
  expect([bytes, path]).toEqual([expect.stringContaining('no text'), expect.stringContaining('no name of a secret')])
  expect(refused.map(({ out, error }) => out + error).join()).not.toMatch(/hunter2|\.\.\//)
  const short = await set('a')
  expect(short).toMatchObject({ code: 0, error: expect.stringContaining('less than eight characters') })
  expect((await appliance.command('secret', 'list')).out).toContain('ODD')
  await appliance.command('secret', 'remove', 'ODD')
})

test('what is removed makes its record wait again, and no route gives a value', async () => {
  expect((await appliance.command('secret', 'remove', 'DNS_KEY')).code).toBe(0)
  await until('it waits', async () => (await record())?.state === 'waiting')
  const again = await appliance.command('secret', 'remove', 'DNS_KEY')
  expect(again).toMatchObject({ code: 1, error: expect.stringContaining('there is no secret DNS_KEY') })
  expect((await appliance.commandWith(bind.secret, 'secret', 'set', 'DNS_KEY')).code).toBe(0)
  const listed = await appliance.command('secret', 'list', '--json')
  expect(listed.out).toContain('DNS_KEY')
  expect(listed.out).not.toContain(bind.secret)
  expect((await appliance.command('secret', 'recipient')).out).toMatch(/^age1[a-z0-9]{58}\n$/)
})

test('a secret that operators share through the repository is used once it is pushed, and a nearer one hides it', async () => {
  const recipient = (await appliance.command('secret', 'recipient')).out.trim()
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const shared = armor.encode(await encrypter.encrypt(bind.secret))
  expect((await appliance.command('secret', 'remove', 'DNS_KEY')).code).toBe(0)
  await until('it waits', async () => (await record())?.state === 'waiting')
  // Removing it has forgotten where it belongs.
  for (const host of ['127.0.0.1', 'localhost']) await appliance.command('secret', 'allow', 'DNS_KEY', host)
  const pushed = await clone.deliver({ 'secrets.age.yaml': setSharedSecret(undefined, 'DNS_KEY', shared) })
  await appliance.converged(pushed.revision)
  expect((await appliance.command('secret', 'list')).out).toMatch(
    /^DNS_KEY +in secrets\.age\.yaml +dns\.yaml example\.com, dns\.yaml example\.net +goes to 127\.0\.0\.1, localhost$/m,
  )
  expect((await appliance.commandWith(bind.secret, 'secret', 'set', 'DNS_KEY')).code).toBe(0)
  expect((await appliance.command('secret', 'list')).out).toContain('hides the one in secrets.age.yaml')
  await appliance.converged()
})

test('one operator shares a secret with another from the command line, as a commit that only they and the server can read', async () => {
  const identity = await generateX25519Identity()
  await clone.git('pull', '-q')
  const before = await clone.read('secrets.age.yaml')
  await clone.deliver({ 'secrets.age.yaml': `recipients: { ada: ${await identityToRecipient(identity)} }\n${before}` })
  const set = await appliance.commandWith('correct horse battery', 'secret', 'set', 'SHARED_ONE', '--shared')
  expect(set).toMatchObject({
    code: 0,
    out: 'SHARED_ONE is kept in secrets.age.yaml; what waits for it goes on within a minute\n',
  })
  await clone.git('pull', '-q')
  expect(await clone.ask('log', '-1', '--format=%s')).toBe('secrets: set SHARED_ONE')
  const { secrets } = stateOf({ 'secrets.age.yaml': await clone.read('secrets.age.yaml') })
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  const value = await decrypter.decrypt(armor.decode(secrets.values.get('SHARED_ONE') ?? ''), 'text')
  expect(value).toBe('correct horse battery')
  expect((await appliance.command('secret', 'list')).out).toMatch(/^SHARED_ONE +in secrets\.age\.yaml$/m)
})

test('agents wait for the key of Claude that is declared, ask with it, and take another one over while they work', async () => {
  const agent = async () => (await appliance.resource('agent', 'code'))?.message ?? ''
  const ask = () => appliance.command('say', 'Hello.', '--agent', 'code')
  await clone.git('pull', '-q')
  const pushed = await clone.deliver({ 'settings.yaml': 'claude: { key: secret:CLAUDE_KEY }\n' })
  await until('it waits', async () => (await agent()).includes('the secret CLAUDE_KEY is not set'))
  expect(await appliance.resource('agent', 'code')).toMatchObject({ state: 'waiting' })
  expect((await ask()).out).toContain('the secret CLAUDE_KEY is not set')
  expect(model.calls).toEqual([])
  expect((await appliance.command('secret', 'list')).out).toMatch(/^CLAUDE_KEY +MISSING: .* settings\.yaml claude *$/m)
  await appliance.commandWith('the first key of all', 'secret', 'set', 'CLAUDE_KEY')
  await appliance.converged(pushed.revision)
  await until(
    'the first key is used',
    async () => (await ask()).code === 0 && model.calls.at(-1)?.apiKey === 'the first key of all',
  )
  const before = (await appliance.panes()).get('code')
  const busy = Promise.withResolvers<void>()
  model.script({ code: [held(busy.promise, say('This took long.'))] })
  const calls = model.calls.length
  const asked = ask()
  await until('it works', () => model.calls.length > calls)
  await appliance.commandWith('the second key of all', 'secret', 'set', 'CLAUDE_KEY')
  busy.resolve()
  expect((await asked).out).toContain('This took long.')
  model.script({ code: () => say('Yes.') })
  await until(
    'the second key is used',
    async () => (await ask()).code === 0 && model.calls.at(-1)?.apiKey === 'the second key of all',
  )
  expect((await appliance.panes()).get('code')).toBe(before)
})

test('a commit that sends backups somewhere new is held, and nothing goes there before one approval', async () => {
  const target = (name: string, repository: string) => `  ${name}: { repository: "${repository}", what: memory }\n`
  const first = `git:\n${target('here', '/nonexistent/memory.git')}`
  await clone.git('pull', '-q')
  expect((await clone.deliver({ 'backups.yaml': first })).shown).not.toContain('HELD')
  const address = `http://127.0.0.1:${trap.port}/memory.git`
  const visits = trap.visits()
  const pushed = await clone.deliver({ 'backups.yaml': first + target('away', address) })
  expect(pushed.shown).toContain(`it sends what is kept here to where nothing of it is yet: ${address}`)
  expect(await appliance.resource('backup', 'away')).toMatchObject({ state: 'held' })
  expect((await appliance.command('backup', 'run', 'away')).error).toContain('there is no backup "away"')
  expect(trap.visits()).toBe(visits)
  const [id = ''] = pushed.shown.match(/(?<=approve )[0-9a-f]{12}/) ?? []
  expect((await appliance.command('approve', id)).code).toBe(0)
  await until('it may be run', async () => (await appliance.resource('backup', 'away'))?.state !== 'held')
  await appliance.command('backup', 'run', 'away')
  await until('it goes there', () => trap.visits() > visits)
})
