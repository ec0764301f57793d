import { expect, test } from 'bun:test'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { ApplianceError } from '../os/errors.ts'
import { openAgeKey } from './age.ts'
import { createRepositoryStore } from './repository-store.ts'
import { secretsRig } from './testing/rig.ts'

const refusal = async (work: Promise<unknown>): Promise<ApplianceError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof ApplianceError) return error
  throw new Error('it was not refused')
}

test('what is set is there, also after a start, and stands nowhere in clear', async () => {
  await using rig = await secretsRig()
  const value = 'a "quoted" väluë\nof two lines'
  expect(await rig.secrets.set('DNS_KEY', value, 'ada')).toEqual({ source: 'home', hiddenBy: undefined })
  expect(await rig.secrets.value('secret:DNS_KEY', 'a test', 'here')).toBe(value)
  const again = rig.open().secrets
  expect(await again.value('DNS_KEY', 'a test', 'here')).toBe(value)
  expect((await stat(rig.path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(rig.keys, 'secrets-age.key'))).mode & 0o777).toBe(0o600)
  const file = await readFile(rig.path, 'latin1')
  expect(file.startsWith('age-encryption.org/v1\n')).toBe(true)
  expect(file).not.toContain('DNS_KEY')
  await again.remove('DNS_KEY', 'ada')
  expect(await refusal(again.remove('DNS_KEY', 'ada'))).toMatchObject({ kind: 'invalid', message: 'there is no secret DNS_KEY' })
  expect(rig.changes).toEqual([
    'secret.set DNS_KEY by ada',
    'secret.bound DNS_KEY to this server',
    'secret.removed DNS_KEY by ada',
  ])
  expect((await again.list()).secrets).toEqual([])
})

test('the list names secrets and where they come from, and holds no value', async () => {
  await using rig = await secretsRig({ DNS_KEY: 'from the environment' })
  expect(await rig.secrets.set('DNS_KEY', 'from the file', 'ada')).toEqual({ source: 'home', hiddenBy: 'environment' })
  await rig.secrets.set('API', '{"user":"ada","password":"correct horse"}', 'ada')
  const list = await rig.secrets.list()
  expect(list).toMatchObject({
    secrets: [
      { name: 'API', source: 'home', hidden: [] },
      { name: 'DNS_KEY', source: 'environment', hidden: ['home'] },
    ],
    problems: [],
  })
  expect(JSON.stringify(list)).not.toMatch(/from the|horse/)
  expect(await rig.secrets.value('secret:DNS_KEY', 'a test', 'here')).toBe('from the environment')
  expect(await rig.secrets.value('secret:API.password', 'a test', 'here')).toBe('correct horse')
  expect(rig.redact('it said "correct horse"')).toBe('it said "[secret]"')
})

test('a secret that is not there makes who needs it wait, and says its name and what to type', async () => {
  await using rig = await secretsRig()
  const error = await refusal(rig.secrets.value('secret:DNS_KEY', 'a test', 'here'))
  expect(error.kind).toBe('waiting')
  expect(error.message).toBe('the secret DNS_KEY is not set')
  expect(error.hint).toBe('ai-infra secret set DNS_KEY reads it from standard input')
  await rig.secrets.set('PLAIN', 'hunter2hunter2', 'ada')
  await rig.secrets.set('OBJECT', '{"user":"ada"}', 'ada')
  expect(await refusal(rig.secrets.value('secret:OBJECT.password', 'a test', 'here'))).toMatchObject({ kind: 'waiting' })
  const plain = await refusal(rig.secrets.value('secret:PLAIN.password', 'a test', 'here'))
  expect(plain.kind).toBe('stalled')
  expect(`${plain.message} ${plain.hint}`).not.toContain('hunter2')
})

test('a file that is damaged is told, asked of nobody else, and replaced by nothing', async () => {
  await using rig = await secretsRig()
  await rig.secrets.set('DNS_KEY', 'correct horse battery', 'ada')
  const whole = await readFile(rig.path)
  for (const bad of [Buffer.from(''), Buffer.from('nonsense'), whole.subarray(0, -3), Buffer.concat([whole, whole])]) {
    await writeFile(rig.path, bad)
    const { secrets } = rig.open()
    expect(await refusal(secrets.value('DNS_KEY', 'a test', 'here'))).toMatchObject({ kind: 'stalled', subject: rig.path })
    expect(await refusal(secrets.set('OTHER', 'another value', 'ada'))).toMatchObject({ kind: 'stalled' })
    expect(await refusal(secrets.remove('DNS_KEY', 'ada'))).toMatchObject({ kind: 'stalled' })
    expect(await secrets.list()).toMatchObject({ secrets: [], problems: [{ source: 'home' }] })
    expect(await readFile(rig.path)).toEqual(bad)
  }
  await writeFile(rig.path, whole)
  expect(await rig.open().secrets.value('DNS_KEY', 'a test', 'here')).toBe('correct horse battery')
})

test('a key that is gone is never replaced by another one while there is something that only it opens', async () => {
  await using rig = await secretsRig()
  await rig.secrets.set('DNS_KEY', 'correct horse battery', 'ada')
  const key = join(rig.keys, 'secrets-age.key')
  await rename(key, `${key}.away`)
  const { secrets, home } = rig.open()
  expect(await refusal(secrets.set('OTHER', 'another value', 'ada'))).toMatchObject({ kind: 'stalled', subject: key })
  expect(await readdir(rig.keys)).toEqual(['secrets-age.key.away'])
  await writeFile(key, 'AGE-SECRET-KEY-1NONSENSE\n')
  const error = await refusal(home.key())
  expect(error).toMatchObject({ kind: 'stalled', subject: key })
  expect(`${error.message} ${error.cause}`).not.toContain('NONSENSE')
  await rename(`${key}.away`, key)
  expect(await secrets.value('DNS_KEY', 'a test', 'here')).toBe('correct horse battery')
})

test('a key that is put back while it runs opens what it closed, and with a wrong one or none nothing is written', async () => {
  await using rig = await secretsRig()
  await rig.secrets.set('DNS_KEY', 'correct horse battery', 'ada')
  const key = join(rig.keys, 'secrets-age.key')
  const whole = await readFile(rig.path)
  await rename(key, `${key}.away`)
  expect(await refusal(rig.secrets.set('OTHER', 'another value', 'ada'))).toMatchObject({ kind: 'stalled', subject: key })
  await writeFile(key, `${await generateX25519Identity()}\n`)
  const { secrets } = rig.open()
  expect(await refusal(secrets.value('DNS_KEY', 'a test', 'here'))).toMatchObject({ kind: 'stalled', subject: rig.path })
  expect(await refusal(secrets.set('OTHER', 'another value', 'ada'))).toMatchObject({ kind: 'stalled' })
  expect(await readFile(rig.path)).toEqual(whole)
  await rename(`${key}.away`, key)
  expect(await secrets.value('DNS_KEY', 'a test', 'here')).toBe('correct horse battery')
  await secrets.set('OTHER', 'another value', 'ada')
  expect(await rig.open().secrets.value('OTHER', 'a test', 'here')).toBe('another value')
})

test('what cannot be a secret is refused, and its refusal does not repeat it', async () => {
  await using rig = await secretsRig()
  for (const name of ['dns-key', 'ghp_0123456789012345678901234567890123456789', '', 'A'.repeat(101), '__proto__', 'A.B']) {
    const error = await refusal(rig.secrets.set(name, 'correct horse battery', 'ada'))
    expect(error.kind).toBe('invalid')
    if (name !== '') expect(`${error.message} ${error.hint}`).not.toContain(name)
  }
  for (const value of ['', '\n', 'nul\0l', '\ud800', 'x'.repeat(65_537)])
    expect((await refusal(rig.secrets.set('A', value, 'ada'))).kind).toBe('invalid')
  await rig.secrets.set('A', 'x'.repeat(65_536), 'ada')
})

test('many who set at once lose nothing, and each subscriber hears the names', async () => {
  await using rig = await secretsRig()
  const heard: string[] = []
  const stop = rig.secrets.subscribe(names => heard.push(...names))
  const names = Array.from({ length: 20 }, (_, at) => `NAME_${at}`)
  await Promise.all(names.map(name => rig.secrets.set(name, `value of ${name}`, 'ada')))
  stop()
  await rig.secrets.set('LATER', 'nobody hears', 'ada')
  expect((await rig.open().secrets.list()).secrets).toHaveLength(21)
  expect(heard.toSorted()).toEqual(names.toSorted())
})

test('each use is told once in the audit, and again when the value is another one; a thousand looks are one line', async () => {
  await using rig = await secretsRig()
  await refusal(rig.secrets.value('DNS_KEY', 'zone a', 'here'))
  await rig.secrets.set('DNS_KEY', 'correct horse battery', 'ada')
  for (let look = 0; look < 1_000; look++) await rig.secrets.value('secret:DNS_KEY', 'zone a', 'here')
  await rig.secrets.value('secret:DNS_KEY', 'zone b', 'here')
  await rig.secrets.set('DNS_KEY', 'another horse battery', 'ada')
  await rig.secrets.value('secret:DNS_KEY', 'zone a', 'here')
  const told: unknown = rig.audited.map(({ type, target, outcome, details }) => ({ type, target, outcome, ...details }))
  expect(told).toEqual([
    { type: 'secret_accessed', target: 'DNS_KEY', outcome: 'failure', for: 'zone a', why: 'it is not set' },
    { type: 'secret_accessed', target: 'DNS_KEY', outcome: 'success', for: 'zone a' },
    { type: 'secret_accessed', target: 'DNS_KEY', outcome: 'success', for: 'zone b' },
    {
      ...{ type: 'secret_accessed', target: 'DNS_KEY', outcome: 'success', for: 'zone a' },
      ...{ uses_since_last_line: 999, value: 'another one' },
    },
  ])
  expect(JSON.stringify(rig.audited)).not.toContain('horse')
})

test('a shared secret is opened with the key of this appliance; one that is for others says what to do', async () => {
  await using rig = await secretsRig()
  const key = await rig.home.key()
  const other = await openAgeKey(join(rig.root, 'keys'), true)
  expect(other.recipient).toBe(key.recipient)
  const armored = async (recipient: string, text: string) => {
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    return armor.encode(await encrypter.encrypt(text))
  }
  const stranger = await identityToRecipient(await generateX25519Identity())
  const values = new Map([
    ['OURS', await armored(key.recipient, 'correct horse battery')],
    ['THEIRS', await armored(stranger, 'not for us')],
  ])
  const store = createRepositoryStore(async () => ({ values }), rig.home.key)
  expect(await store.get('OURS')).toBe('correct horse battery')
  expect(await store.values()).toEqual(['correct horse battery'])
  const error = await refusal(store.get('THEIRS'))
  expect(error).toMatchObject({ kind: 'stalled', message: 'THEIRS of secrets.age.yaml cannot be opened here' })
  expect(error.hint).toContain(key.recipient)
  values.set('OURS', await armored(key.recipient, 'another horse battery'))
  expect(await store.get('OURS')).toBe('another horse battery')
})

test('an empty value is none: what is signed with it anybody could sign', async () => {
  await using rig = await secretsRig({ HOOK: ' \n', SHOP: '{"password":""}' })
  for (const reference of ['secret:HOOK', 'secret:SHOP.password']) {
    const error = await refusal(rig.secrets.value(reference, 'a test', 'here'))
    expect(error.kind).toBe('waiting')
    expect(error.message).toEndWith(' is empty')
  }
})
