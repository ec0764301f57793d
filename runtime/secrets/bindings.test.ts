import { afterEach, beforeEach, expect, test } from 'bun:test'
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { place, placeOfUrl, readHost } from './place.ts'
import type { SecretStore } from './store.ts'
import { secretsRig } from './testing/rig.ts'

let rig: Awaited<ReturnType<typeof secretsRig>>
beforeEach(async () => {
  rig = await secretsRig()
  await rig.secrets.set('TOKEN', 'correct horse battery', 'ada')
  rig.changes.length = 0
})
afterEach(() => rig[Symbol.asyncDispose]())

const github = placeOfUrl('https://github.com/me/config.git', 'git')
const evil = placeOfUrl('https://evil.example.com/me/config.git', 'git')
const get = (to: Parameters<typeof rig.secrets.value>[2], secrets = rig.secrets) => secrets.value('secret:TOKEN', 'a test', to)

test('a secret belongs to the first place that it is sent to, and no other place gets it, also after a restart', async () => {
  await get(github)
  expect(rig.changes).toEqual(['secret.bound TOKEN to github.com:443'])
  for (const secrets of [rig.secrets, rig.open().secrets]) {
    expect(await get(github, secrets)).toBe('correct horse battery')
    await expect(get(evil, secrets)).rejects.toMatchObject({
      kind: 'waiting',
      message: 'the secret TOKEN belongs to github.com:443 (git), and is not sent to evil.example.com:443 (git)',
      hint: 'if you want that: ai-infra secret allow TOKEN evil.example.com:443',
    })
  }
  expect((await rig.secrets.reaches()).get('TOKEN')).toEqual({
    allowed: ['github.com:443 (git)'],
    refused: ['evil.example.com:443'],
  })
  expect((await stat(join(rig.root, 'secrets', 'places.json'))).mode & 0o777).toBe(0o600)
})

test('a preview binds no secret, and gets one only for where it belongs already', async () => {
  const preview = (to: Parameters<typeof rig.secrets.value>[2]) => rig.secrets.preview('secret:TOKEN', 'a test', to)
  const before = {
    kind: 'waiting',
    message: expect.stringMatching(/^looked at once this is main; before that nothing .* the secret TOKEN, which main does not /),
  }
  for (const to of [github, evil, 'here'] as const) await expect(preview(to)).rejects.toMatchObject(before)
  expect([rig.changes, await rig.secrets.reaches()]).toEqual([[], new Map()])
  await get(github)
  expect([await preview(github), await preview('here')]).toEqual(Array(2).fill('correct horse battery'))
  for (let times = 0; times < 3; times++)
    await expect(preview(evil)).rejects.toMatchObject({
      message: 'the secret TOKEN belongs to github.com:443 (git), and is not sent to evil.example.com:443 (git)',
    })
  expect(rig.changes).toEqual(['secret.bound TOKEN to github.com:443', 'secret.withheld TOKEN to evil.example.com:443'])
  expect((await rig.secrets.reaches()).get('TOKEN')).toEqual({ allowed: ['github.com:443 (git)'], refused: [] })
})

test('a preview learns no place, also where main does', async () => {
  const { secrets } = rig.open({ learns: async () => true })
  await get(github, secrets)
  await expect(secrets.preview('secret:TOKEN', 'a test', evil)).rejects.toMatchObject({ kind: 'waiting' })
  expect((await secrets.reaches()).get('TOKEN')?.allowed).toEqual(['github.com:443 (git)'])
})

test('the same host is another place by another port, without TLS, and as something else', async () => {
  await get(github)
  for (const other of [
    placeOfUrl('http://github.com/me/config.git', 'git'),
    placeOfUrl('https://github.com:8443/', 'git'),
    placeOfUrl('https://github.com/', 'backup'),
    place('github.com', 443, 'database'),
  ])
    await expect(get(other)).rejects.toMatchObject({ kind: 'waiting' })
  for (const same of ['https://GitHub.com./x', 'https://github.com:443/other']) await get(placeOfUrl(same, 'git'))
  await get('here')
})

test('a secret that was used on this server only is not sent anywhere, and one that belongs elsewhere can be used here', async () => {
  await get('here')
  await get('here')
  expect(rig.changes).toEqual(['secret.bound TOKEN to this server'])
  await expect(get(evil)).rejects.toMatchObject({
    message: 'the secret TOKEN belongs to this server, and is not sent to evil.example.com:443 (git)',
  })
  await rig.secrets.restrict('TOKEN', ['github.com'], 'ada', 'correct horse battery')
  await get('here')
  await expect(get(evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('a person allows one more place, and what waits is told', async () => {
  await get(github)
  await get(evil).catch(() => {})
  const heard: string[] = []
  rig.secrets.subscribe(names => heard.push(...names))
  await rig.secrets.allow('TOKEN', 'evil.example.com:443', 'ada')
  expect(heard).toEqual(['TOKEN'])
  expect(rig.changes.slice(1)).toEqual([
    'secret.withheld TOKEN to evil.example.com:443',
    'secret.allowed TOKEN to evil.example.com:443 by ada',
  ])
  await get(evil)
  await get(github)
  expect((await rig.secrets.reaches()).get('TOKEN')?.refused).toEqual([])
  for (const host of ['', 'a b', 'https://x', 'x:0', 'x:99999', '-x', 'x/y'])
    await expect(rig.secrets.allow('TOKEN', host, 'ada')).rejects.toMatchObject({ kind: 'invalid' })
})

test('a host that a person allows is not that host without TLS, unless the person says so', async () => {
  const clear = placeOfUrl('http://evil.example.com/me/config.git', 'git')
  await get(github)
  await get(clear).catch(() => {})
  await rig.secrets.allow('TOKEN', 'evil.example.com', 'ada')
  await get(evil)
  await expect(get(clear)).rejects.toMatchObject({
    message: expect.stringContaining('is not sent to evil.example.com:80 (git without TLS)'),
    hint: 'if you want that: ai-infra secret allow TOKEN evil.example.com:80/without-tls',
  })
  expect((await rig.secrets.reaches()).get('TOKEN')?.refused).toEqual(['evil.example.com:80/without-tls'])
  await rig.secrets.allow('TOKEN', 'evil.example.com:80/without-tls', 'ada')
  await get(clear)
  await get(evil)
  expect((await rig.secrets.reaches()).get('TOKEN')).toEqual({
    allowed: ['github.com:443 (git)', 'evil.example.com', 'evil.example.com:80 (without TLS)'],
    refused: [],
  })
})

test('hosts that are named when it is set are the only ones, with every port; another value keeps them', async () => {
  await rig.secrets.restrict('TOKEN', ['git.example.com', '[2001:db8::1]:5432'], 'ada', 'correct horse battery')
  await expect(get(github)).rejects.toMatchObject({ kind: 'waiting' })
  await get(placeOfUrl('ssh://git.example.com:2222/x', 'git'))
  await get(place('2001:db8::1', 5432, 'database'))
  await rig.secrets.set('TOKEN', 'another horse battery', 'ada')
  await expect(get(github)).rejects.toMatchObject({ kind: 'waiting' })
  await rig.secrets.remove('TOKEN', 'ada')
  await rig.secrets.set('TOKEN', 'the third horse battery', 'ada')
  await get(github)
})

test('places are kept while another store has the name, and a restriction that is taken back leaves what was', async () => {
  await using both = await secretsRig({ TOKEN: 'of the environment' })
  await both.secrets.set('TOKEN', 'correct horse battery', 'ada')
  await get(github, both.secrets)
  await (await both.secrets.restrict('TOKEN', ['evil.example.com'], 'ada', 'correct horse battery'))()
  await both.secrets.remove('TOKEN', 'ada')
  expect(await get(github, both.secrets)).toBe('of the environment')
  await expect(get(evil, both.secrets)).rejects.toMatchObject({ kind: 'waiting' })
  await (await rig.secrets.restrict('TOKEN', ['evil.example.com'], 'ada', 'correct horse battery'))()
  expect((await rig.secrets.reaches()).has('TOKEN')).toBe(false)
})

test('an appliance that is new to this takes every place that is declared as right, until main moves', async () => {
  let isNew = true
  const { secrets } = rig.open({ learns: async () => isNew })
  await get(github, secrets)
  await get(evil, secrets)
  isNew = false
  for (const to of [github, evil]) await get(to, secrets)
  await expect(get(placeOfUrl('https://third.example.com', 'git'), secrets)).rejects.toMatchObject({ kind: 'waiting' })
})

test('two names with one value keep their places when an appliance is new to this', async () => {
  let isNew = true
  const both = [
    ['A', github],
    ['B', evil],
  ] as const
  await using shared = await secretsRig({}, [committed(new Map(both.map(([name]) => [name, 'correct horse battery'])))])
  const { secrets } = shared.open({ learns: async () => isNew })
  for (const [name, to] of both) await secrets.value(name, 'a test', to)
  isNew = false
  for (const [name, to] of both) await secrets.value(name, 'a test', to)
  await expect(secrets.value('A', 'a test', evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('of many that use it first at once, one place gets it', async () => {
  const asked = await Promise.allSettled([github, evil, evil, github].map(to => get(to)))
  expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
})

test('a file of places that is damaged is never replaced, and gives nothing until it is put back or moved away', async () => {
  await get(github)
  const path = join(rig.root, 'secrets', 'places.json')
  const good = await readFile(path, 'utf8')
  for (const bad of ['', '{', '{"version":2,"secrets":{}}', good.slice(0, -9)]) {
    await writeFile(path, bad)
    await expect(get(github)).rejects.toMatchObject({ kind: 'stalled', subject: path })
    await expect(rig.secrets.allow('TOKEN', 'x.example.com', 'ada')).rejects.toMatchObject({ kind: 'stalled' })
    expect(await readFile(path, 'utf8')).toBe(bad)
  }
  await writeFile(path, good)
  await get(github)
})

const committed = (values: ReadonlyMap<string, string>): SecretStore => ({
  source: 'repository',
  get: async name => values.get(name),
  list: async () => [...values.keys()].map(name => ({ name, changedAt: undefined })),
})

test('what is encrypted for one name in a commit goes nowhere else under another name, whatever that was used for before', async () => {
  const shared = new Map([['DNS_KEY', 'correct horse battery']])
  await using both = await secretsRig({}, [committed(shared)])
  const ask = (name: string, to: typeof github) => both.secrets.value(name, 'a test', to)
  const refusal = (name: string) => ({
    kind: 'waiting',
    message: `the secret ${name} belongs to github.com:443 (git), and is not sent to evil.example.com:443 (git)`,
  })
  shared.set('OWN', 'of the author of the commit')
  await ask('OWN', evil)
  await ask('DNS_KEY', github)
  for (const name of ['FRESH', 'OWN']) {
    shared.set(name, 'correct horse battery')
    for (const secrets of [both.secrets, both.open().secrets]) {
      await expect(secrets.preview(name, 'a test', evil)).rejects.toMatchObject(refusal(name))
      await expect(secrets.value(name, 'a test', evil)).rejects.toMatchObject(refusal(name))
    }
  }
  shared.delete('DNS_KEY')
  await expect(ask('FRESH', evil)).rejects.toMatchObject(refusal('FRESH'))
  // It is the same place, and then what a person wants.
  await ask('FRESH', github)
  await both.secrets.allow('OWN', 'evil.example.com', 'ada')
  await ask('OWN', evil)
  const places = await readFile(join(both.root, 'secrets', 'places.json'), 'utf8')
  expect(places).not.toContain('horse')
})

test('a copy of what is encrypted for another name goes nowhere else after it was used on this server', async () => {
  const shared = new Map([
    ['DB', 'correct horse battery'],
    ['EVIL', 'junk'],
  ])
  await using both = await secretsRig({}, [committed(shared)])
  const ask = (name: string, to: typeof github | 'here') => both.secrets.value(name, 'a test', to)
  await ask('DB', github)
  await ask('EVIL', evil)
  for (const name of ['EVIL', 'FRESH']) {
    shared.set(name, 'correct horse battery')
    await ask(name, 'here')
    await expect(ask(name, evil)).rejects.toMatchObject({ kind: 'waiting' })
  }
  // It is still what it was for its own name.
  await ask('DB', github)
})

test('a copy of an old value goes nowhere else, however many came after it', async () => {
  const shared = new Map([['DB', 'correct horse battery']])
  await using both = await secretsRig({}, [committed(shared)])
  const ask = (name: string, to: typeof github) => both.secrets.value(name, 'a test', to)
  await ask('DB', github)
  for (let times = 0; times < 30; times++) {
    shared.set('DB', `of the author ${times}`)
    await ask('DB', github)
  }
  shared.set('NEW', 'correct horse battery\n')
  await expect(ask('NEW', evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('what a person let a name go to is not where a copy of another one goes, until a person saw that', async () => {
  const shared = new Map([
    ['DB', 'correct horse battery'],
    ['TEAM', 'of the team'],
  ])
  await using both = await secretsRig({}, [committed(shared)])
  const ask = (name: string) => both.secrets.value(name, 'a test', evil)
  await both.secrets.value('DB', 'a test', github)
  await both.secrets.allow('TEAM', 'evil.example.com', 'ada')
  await ask('TEAM')
  shared.set('TEAM', 'correct horse battery')
  await expect(ask('TEAM')).rejects.toMatchObject({
    hint: 'if you want that: ai-infra secret allow TEAM evil.example.com:443',
  })
  shared.set('TEAM', 'of the team')
  await both.secrets.allow('TEAM', 'evil.example.com:443', 'ada')
  shared.set('TEAM', 'correct horse battery')
  await expect(ask('TEAM')).rejects.toMatchObject({ kind: 'waiting' })
  await both.secrets.allow('TEAM', 'evil.example.com:443', 'ada')
  await ask('TEAM')
  await expect(both.secrets.value('DB', 'a test', evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('what a commit has of a secret that was removed goes nowhere else, under its own name or another', async () => {
  const shared = new Map<string, string>()
  await using both = await secretsRig({}, [committed(shared)])
  const ask = (name: string, to: typeof github) => both.secrets.value(name, 'a test', to)
  await both.secrets.set('DB', 'correct horse battery', 'ada')
  await ask('DB', github)
  await both.secrets.remove('DB', 'ada')
  for (const name of ['DB', 'NEW']) {
    shared.set(name, 'correct horse battery')
    await expect(ask(name, evil)).rejects.toMatchObject({ kind: 'waiting' })
    await ask(name, github)
    await expect(ask(name, evil)).rejects.toMatchObject({ kind: 'waiting' })
  }
  await both.secrets.allow('DB', 'db2.example.com', 'ada')
  await ask('DB', place('db2.example.com', 5432, 'database'))
  // Whoever sets it knows it.
  await both.secrets.set('OTHER', 'correct horse battery', 'ada')
  await ask('OTHER', evil)
})

test('a copy of what is set for its hosts, or shared, goes nowhere else before that is used once', async () => {
  const shared = new Map([
    ['NEW', 'correct horse battery'],
    ['COPY', 'of several operators'],
  ])
  await using both = await secretsRig({}, [committed(shared)])
  const ask = (name: string, to: typeof github) => both.secrets.value(name, 'a test', to)
  await both.secrets.restrict('DB', ['github.com'], 'ada', 'correct horse battery')
  await both.secrets.claim('SHARED', 'of several operators')
  for (const [name, belongs] of [
    ['NEW', 'github.com'],
    ['COPY', 'no place yet under another name'],
  ] as const)
    for (const look of [both.secrets.value, both.secrets.preview])
      await expect(look(name, 'a test', evil)).rejects.toMatchObject({
        message: `the secret ${name} belongs to ${belongs}, and is not sent to evil.example.com:443 (git)`,
      })
  shared.set('DB', 'correct horse battery').set('SHARED', 'of several operators')
  await ask('DB', github)
  await ask('SHARED', github)
  await ask('COPY', github)
  await expect(ask('DB', evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('a person who sets the value of one name for another one says where that goes', async () => {
  const shared = new Map([['DB', 'correct horse battery']])
  await using both = await secretsRig({}, [committed(shared)])
  await both.secrets.value('DB', 'a test', github)
  await both.secrets.restrict('OTHER', ['evil.example.com'], 'ada', 'correct horse battery')
  shared.set('OTHER', 'correct horse battery')
  await both.secrets.value('OTHER', 'a test', evil)
  await expect(both.secrets.value('DB', 'a test', evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('marks that were written without an order are read', async () => {
  const path = join(rig.root, 'secrets', 'places.json')
  await get(github)
  const { marks, ...rest } = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...rest, values: { TOKEN: Object.keys(marks) } }))
  await using both = await secretsRig({}, [committed(new Map([['NEW', 'correct horse battery']]))])
  await mkdir(join(both.root, 'secrets'), { recursive: true })
  await copyFile(path, join(both.root, 'secrets', 'places.json'))
  await expect(both.secrets.value('NEW', 'a test', evil)).rejects.toMatchObject({ kind: 'waiting' })
})

test('what a person sets under two names may go to two places, and so may one that is rotated to what another one has', async () => {
  await rig.secrets.set('OTHER', 'correct horse battery', 'ada')
  await get(github)
  await rig.secrets.value('OTHER', 'a test', evil)
  await rig.secrets.set('TOKEN', 'another horse battery', 'ada')
  await get(github)
  await rig.secrets.value('OTHER', 'a test', evil)
})

test('a host is read as a person writes it', () => {
  expect(readHost('DB.example.com.')).toEqual({ host: 'db.example.com', port: undefined })
  expect(readHost('[2001:DB8::1]:5432')).toEqual({ host: '2001:db8::1', port: 5432 })
  expect(readHost('203.0.113.7:22')).toEqual({ host: '203.0.113.7', port: 22 })
})
