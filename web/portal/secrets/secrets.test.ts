import { beforeEach, expect, test } from 'bun:test'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { house } from '../testing/house.ts'

let home: ReturnType<typeof house>
beforeEach(() => {
  home = house()
})

const value = 'hunter2-<b>&"hunter2'

test('the page shows what is missing and who names it; setting it says so and shows the value nowhere', async () => {
  home.vault.uses.set('DNS_KEY', ['dns.yaml example.com'])
  const before = await (await home.get('/secrets')).text()
  expect(before).toContain('missing')
  expect(before).toContain('dns.yaml example.com')
  const answer = await home.post('/secrets/set', { name: 'DNS_KEY', value: `${value}\n` })
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/secrets?done=secret-set'])
  expect(home.vault.values.get('DNS_KEY')).toBe(value)
  for (const path of ['/secrets?done=secret-set', '/secrets/DNS_KEY']) {
    const html = await (await home.get(path)).text()
    expect(html).toContain('DNS_KEY')
    expect(html).not.toContain('missing')
    expect(html).not.toContain('hunter2')
  }
  expect(home.audited).toEqual(['secret.set asked', 'secret.set allowed'])
})

test('a value that is too short to be hidden is kept, and it is said', async () => {
  const answer = await home.post('/secrets/set', { name: 'DNS_KEY', value: 'a' })
  expect(answer.headers.get('location')).toBe('/secrets?done=secret-short')
  expect(await (await home.get('/secrets?done=secret-short')).text()).toContain('less than eight characters')
})

test('a secret that was wanted elsewhere says where, and one press allows that place', async () => {
  await home.post('/secrets/set', { name: 'TOKEN', value })
  home.vault.reaches.set('TOKEN', { allowed: ['github.com:443 (git)'], refused: ['evil.example.com:443'] })
  expect(await (await home.get('/secrets')).text()).toContain('not sent to evil.example.com:443')
  const one = await (await home.get('/secrets/TOKEN')).text()
  expect(one).toContain('github.com:443 (git)')
  expect(one).toContain('name="host" value="evil.example.com:443"')
  const wrong = await home.post('/secrets/allow', { name: 'TOKEN', host: 'no host' })
  expect([wrong.status, (await wrong.text()).includes('this is no host')]).toEqual([422, true])
  const answer = await home.post('/secrets/allow', { name: 'TOKEN', host: 'evil.example.com:443' })
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/secrets?done=secret-allowed'])
  expect(home.vault.reaches.get('TOKEN')?.refused).toEqual([])
})

test('a key file of several lines is kept as it is', async () => {
  await home.post('/secrets/set', { name: 'KEY', value: '-----BEGIN X-----\r\nabc\r\n-----END X-----\r\n' })
  expect(home.vault.values.get('KEY')).toBe('-----BEGIN X-----\nabc\n-----END X-----\n')
})

test('a refusal says why and gives neither the value nor a name that may be one back', async () => {
  const refused = async (): Promise<never> => {
    throw new ApplianceError('invalid', 'the value is no text', { hint: 'encode it' })
  }
  home = house({ secrets: { ...home.deps.secrets, set: refused } })
  const named = await home.post('/secrets/set', { name: 'DNS_KEY', value })
  const html = await named.text()
  expect(named.status).toBe(422)
  expect(html).toContain('the value is no text')
  expect(html).toContain('value="DNS_KEY"')
  expect(html).not.toContain('hunter2')
  expect(await (await home.post('/secrets/set', { name: 'hunter2hunter2', value })).text()).not.toContain('hunter2')
  expect((await home.get('/secrets/hunter2hunter2')).status).toBe(404)
})

test('removing tells who waits then; what is elsewhere cannot be removed here, and the page says where', async () => {
  home.vault.uses.set('A', ['dns.yaml example.com'])
  home.vault.entries.set('A', { name: 'A', source: 'home', changedAt: undefined, hidden: [] })
  home.vault.entries.set('B', { name: 'B', source: 'environment', changedAt: undefined, hidden: ['home'] })
  expect(await (await home.get('/secrets/A')).text()).toContain('What dns.yaml example.com declares waits')
  const other = await (await home.get('/secrets/B')).text()
  expect(other).not.toContain('action="/secrets/remove"')
  expect(other).toContain('change it there, and start the appliance again')
  expect((await home.post('/secrets/remove', { name: 'A' })).headers.get('location')).toBe('/secrets?done=secret-removed')
  expect((await home.post('/secrets/remove', { name: 'A' })).status).toBe(422)
})

test('a store that cannot be read is told, and nothing is said to be missing meanwhile', async () => {
  home.vault.uses.set('DNS_KEY', ['dns.yaml example.com'])
  home.vault.problems.push({ source: 'aws', message: 'AWS denies secretsmanager:ListSecrets <b>' })
  const html = await (await home.get('/secrets')).text()
  expect(html).toContain('AWS Secrets Manager: AWS denies secretsmanager:ListSecrets &lt;b&gt;')
  expect(html).not.toContain('missing')
})
