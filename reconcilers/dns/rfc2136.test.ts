import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { spawn } from '../../runtime/os/spawn.ts'
import type { FoundSet } from './provider.ts'
import { createRfc2136, inMessages } from './rfc2136.ts'
import { type Bind, bindProviders, reaching, startBind, startSecondary } from './testing/bind.ts'

setDefaultTimeout(120_000)

let bind: Bind
beforeAll(async () => {
  bind = await startBind(['example.com'])
})
afterAll(() => bind[Symbol.asyncDispose]())

const signal = AbortSignal.timeout(300_000)
const provider = (more: Partial<Bind['declared']> = {}, secret = bind.secret) =>
  createRfc2136({ ...bind.declared, ...more }, { spawn, owner: 'me', secret: async () => secret })
const set = (name: string, type: FoundSet['type'], ...values: readonly string[]): FoundSet => ({ name, type, ttl: 60, values })

test('what is put is read back as it was declared, every type of it, and is ours', async () => {
  const sets = [
    set('shop.example.com', 'A', '203.0.113.10', '203.0.113.9'),
    set('shop.example.com', 'AAAA', '2001:db8::1'),
    set('*.shop.example.com', 'CNAME', 'shop.example.com'),
    set('example.com', 'MX', '10 ns1.example.com', '20 backup.example.net'),
    set('long.example.com', 'TXT', 'v=DKIM1; p="x\\y" '.repeat(40)),
    set('_sip._tcp.example.com', 'SRV', '10 60 5060 sip.example.com'),
    set('example.com', 'CAA', '0 issue "letsencrypt.org"'),
    set('sub.example.com', 'NS', 'ns1.example.net'),
  ]
  await provider().change(
    'example.com',
    sets.map(one => ({ type: 'put' as const, set: one, before: undefined })),
    signal,
  )
  const content = await provider().read('example.com', signal)
  for (const one of sets) expect(content.sets.get(`${one.name}/${one.type}`)).toEqual(one)
  expect([...content.ours].sort()).toEqual(sets.map(one => `${one.name}/${one.type}`).sort())
  expect(await bind.ask('shop.example.com', 'A')).toHaveLength(2)
})

test('records of others are read, and are not ours; nor are those of another appliance', async () => {
  await bind.byHand('update add by-hand.example.com. 300 A 203.0.113.77')
  const other = createRfc2136(bind.declared, { spawn, owner: 'somebody else', secret: async () => bind.secret })
  await other.change(
    'example.com',
    [{ type: 'put', set: set('theirs.example.com', 'A', '203.0.113.5'), before: undefined }],
    signal,
  )
  const { sets, ours } = await provider().read('example.com', signal)
  for (const key of ['by-hand.example.com/A', 'theirs.example.com/A', 'ns1.example.com/A']) {
    expect([sets.has(key), ours.has(key)]).toEqual([true, false])
  }
})

test('a set that somebody else changed meanwhile is not overwritten, one that the server refuses fails alone', async () => {
  const before = set('raced.example.com', 'A', '203.0.113.1')
  await provider().change('example.com', [{ type: 'put', set: before, before: undefined }], signal)
  await bind.byHand('update delete raced.example.com. A\nupdate add raced.example.com. 300 A 203.0.113.99')
  const corrections = [
    { type: 'put', set: set('raced.example.com', 'A', '203.0.113.2'), before },
    { type: 'put', set: set('calm.example.com', 'A', '203.0.113.3'), before: undefined },
    { type: 'put', set: set('example.com', 'MX', '10 nobody.example.com'), before: undefined },
  ] as const
  const failures = await provider().change('example.com', corrections, signal)
  expect(failures.get('raced.example.com/A')?.message).toContain('somebody else changed example.com at the same time')
  expect([...failures.keys()]).toEqual(['raced.example.com/A', 'example.com/MX'])
  expect(await bind.ask('calm.example.com', 'A')).toEqual(['203.0.113.3'])
  expect(await bind.ask('raced.example.com', 'A')).toEqual(['203.0.113.99'])
})

test('a name that leaves no room for its mark fails alone, and says so', async () => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(50)}.example.com`
  const corrections = [set(long, 'A', '203.0.113.1'), set('beside.example.com', 'A', '203.0.113.2')].map(one => ({
    ...{ type: 'put' as const, set: one, before: undefined },
  }))
  const failures = await provider().change('example.com', corrections, signal)
  expect([...failures].map(([key, { message }]) => [key, message])).toEqual([
    [`${long}/A`, 'nsupdate cannot write this (invalid owner name: ran out of space)'],
  ])
  expect((await provider().read('example.com', signal)).ours.has('beside.example.com/A')).toBe(true)
})

test('a set that is removed takes its mark along', async () => {
  const gone = set('gone.example.com', 'TXT', 'hello')
  await provider().change('example.com', [{ type: 'put', set: gone, before: undefined }], signal)
  await provider().change('example.com', [{ type: 'remove', before: gone }], signal)
  expect(await bind.ask('gone.example.com', 'TXT')).toEqual([])
  expect(await bind.ask('_ai-infra-txt.gone.example.com', 'TXT')).toEqual([])
})

test('a value for a certificate authority stands beside others, is seen where it was written, and goes alone', async () => {
  const { challenges } = provider()
  const at = ['example.com', '_acme-challenge.example.com'] as const
  await bind.byHand(`update add ${at[1]}. 300 TXT "somebody else's"`)
  for (const value of ['first', 'second', 'second']) await challenges?.present(...at, value, signal)
  expect((await bind.ask(at[1], 'TXT')).toSorted()).toEqual(['"first"', '"second"', '"somebody else\'s"'])
  expect(await challenges?.isVisible(...at, 'second', signal)).toBe(true)
  expect(await challenges?.isVisible(...at, 'third', signal)).toBe(false)
  for (const value of ['first', 'second', 'second']) await challenges?.withdraw(...at, value, signal)
  expect(await bind.ask(at[1], 'TXT')).toEqual(['"somebody else\'s"'])
  expect((await provider().read('example.com', signal)).ours.has(`${at[1]}/TXT`)).toBe(false)
  const away = provider({ port: 1 }).challenges
  await expect(away?.present(...at, 'x', signal)).rejects.toThrow('does not answer')
})

test('a value is seen only when every server of the zone that answers for it has it', async () => {
  const zones = ['example.com']
  await using primary = await startBind(zones, ['127.0.0.2', '127.0.0.3'])
  await using second = await startSecondary(primary, zones)
  const ports = new Map([
    ['127.0.0.2', second.port],
    ['127.0.0.3', 1],
  ])
  const { challenges } = bindProviders(primary, { spawn: reaching(ports) })(primary.declared)
  const at = ['example.com', '_acme-challenge.late.example.com', 'proof'] as const
  await challenges?.present(...at, signal)
  expect(await challenges?.isVisible(...at, signal)).toBe(false)
  await second.notify('example.com')
  while ((await second.ask(at[1], 'TXT')).length === 0) signal.throwIfAborted()
  expect(await challenges?.isVisible(...at, signal)).toBe(true)
})

test('a wrong key, a missing zone and a server that is away say what to do', async () => {
  const wrong = Buffer.from(new Uint8Array(32)).toString('base64')
  await expect(provider({}, wrong).read('example.com', signal)).rejects.toThrow('does not accept the TSIG key ai-infra')
  await expect(provider().read('missing.example.org', signal)).rejects.toThrow('does not serve the zone missing.example.org')
  const away = provider({ port: 1 }).read('example.com', signal)
  await expect(away).rejects.toThrow('the DNS server 127.0.0.1:1 does not answer')
})

test('a secret that is no key reaches no program, whose commands it could be, and is not repeated', async () => {
  for (const wrong of ['hunter2 hunter2', 'aGk=\nserver 203.0.113.9', '', 'hmac:x:y']) {
    const refused = await provider({}, wrong).read('example.com', signal).then(String, String)
    expect(refused).toContain('is no TSIG key')
    if (wrong !== '') expect(refused).not.toContain(wrong)
  }
})

test('a name of a stranger is one word of an update, whatever it is made of: nothing but it is ever touched', async () => {
  await bind.byHand('update add www.example.com. 300 TXT "somebody"')
  // One label, which ends in the middle of the command when its escapes are taken away; and the mark that all can read.
  const label = 'www.example.com. TXT ;'.replaceAll(/[ .;]/g, found => `\\${String(found.charCodeAt(0)).padStart(3, '0')}`)
  const mark = 'heritage=ai-infrastructure,owner=me'
  await bind.byHand(
    `update add ${label}.example.com. 300 TXT "somebody"\nupdate add _ai-infra-txt.${label}.example.com. 300 TXT "${mark}"`,
  )
  const { sets, ours } = await provider().read('example.com', signal)
  const forged = [...ours].filter(key => /[^A-Za-z0-9._/*-]/.test(key))
  expect(forged).toHaveLength(1)
  const removals = forged.flatMap(key => {
    const before = sets.get(key)
    return before === undefined ? [] : [{ type: 'remove' as const, before }]
  })
  expect([...(await provider().change('example.com', removals, signal)).values()]).toEqual([])
  expect(await bind.ask('www.example.com', 'TXT')).toEqual(['"somebody"'])
  const after = await provider().read('example.com', signal)
  expect([...after.ours].filter(key => forged.includes(key))).toEqual([])
})

test('five hundred changed records go in at most three messages', () => {
  const corrections = Array.from({ length: 500 }, (_, index) => ({
    type: 'put' as const,
    set: set(`host-${index}.example.com`, 'A', '203.0.113.10'),
    before: set(`host-${index}.example.com`, 'A', '203.0.113.9'),
  }))
  expect(inMessages('example.com', corrections, '0192a5a0-0000-7000-8000-000000000000').length).toBeLessThanOrEqual(3)
})
