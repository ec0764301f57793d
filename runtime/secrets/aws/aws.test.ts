import { afterEach, beforeEach, expect, test } from 'bun:test'
import { systemClock } from '../../os/clock.ts'
import { ApplianceError, explain } from '../../os/errors.ts'
import { secretsRig } from '../testing/rig.ts'
import { createAwsClient } from './client.ts'
import { awsNameOf, nameOfAws } from './names.ts'
import { createAwsStore } from './store.ts'
import { type AwsServer, startAwsServer } from './testing/server.ts'

let aws: AwsServer
beforeEach(() => {
  aws = startAwsServer()
})
afterEach(() => aws[Symbol.asyncDispose]())

const prefix = 'ai-infrastructure/'
const open = (settings: Partial<AwsServer['settings']> = {}) =>
  createAwsStore({
    client: createAwsClient({ ...aws.settings, ...settings }, { timeout: 500, attempts: 1 }),
    prefix,
    clock: systemClock,
  })

const refusal = async (work: Promise<unknown>): Promise<ApplianceError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof ApplianceError) return error
  throw new Error(`it was not refused: ${error}`)
}

test('names are those of the plan, and lead back', () => {
  for (const [name, id] of [
    ['ANTHROPIC_API_KEY', 'ai-infrastructure/anthropic-api-key'],
    ['CLOUDFLARE_TOKEN', 'ai-infrastructure/cloudflare-token'],
    ['GITHUB_PAT', 'ai-infrastructure/github-pat'],
    ['POSTGRES', 'ai-infrastructure/postgres'],
  ] as const) {
    expect(awsNameOf(name, prefix)).toBe(id)
    expect(nameOfAws(id, prefix)).toBe(name)
  }
  for (const id of ['other/github-pat', 'ai-infrastructure/Not-Ours', 'ai-infrastructure/a/b', 'ai-infrastructure/'])
    expect(nameOfAws(id, prefix)).toBeUndefined()
})

test("the plan's secrets are read, one field of a JSON one as well, and listed over several pages", async () => {
  aws.put('ai-infrastructure/github-pat', 'ghp_example')
  aws.put('ai-infrastructure/postgres', JSON.stringify({ username: 'ai_infra', password: 'correct horse', port: 5432 }))
  for (const other of ['jwt-secret', 'redis-password', 'openai-api-key']) aws.put(`ai-infrastructure/${other}`, 'x')
  aws.put('elsewhere/github-pat', 'not ours')
  await using rig = await secretsRig({}, [open()])
  expect(await rig.secrets.value('secret:GITHUB_PAT', 'a test', 'here')).toBe('ghp_example')
  expect(await rig.secrets.value('secret:POSTGRES.password', 'a test', 'here')).toBe('correct horse')
  expect(await rig.secrets.value('secret:POSTGRES.port', 'a test', 'here')).toBe('5432')
  expect(await refusal(rig.secrets.value('secret:CLOUDFLARE_TOKEN', 'a test', 'here'))).toMatchObject({ kind: 'waiting' })
  const { secrets, problems } = await rig.secrets.list()
  expect(problems).toEqual([])
  expect(secrets.map(({ name, source }) => `${name} ${source}`)).toEqual([
    ...['GITHUB_PAT aws', 'JWT_SECRET aws', 'OPENAI_API_KEY aws', 'POSTGRES aws', 'REDIS_PASSWORD aws'],
  ])
  expect(secrets.every(({ changedAt }) => changedAt?.startsWith('20'))).toBe(true)
  expect(aws.asked.filter(target => target === 'ListSecrets')).toHaveLength(3)
})

test('a look does not ask again; a refresh asks only for what was rotated, came or went', async () => {
  for (const name of ['a', 'b', 'c']) aws.put(`ai-infrastructure/${name}`, `first ${name}`)
  const store = open()
  for (let look = 0; look < 10; look++) for (const name of ['A', 'B', 'C']) await store.get(name)
  await Promise.all(Array.from({ length: 10 }, () => store.get('LATER')))
  expect(aws.asked).toHaveLength(4)
  expect(await store.refresh()).toEqual([])
  aws.asked.length = 0
  aws.put('ai-infrastructure/b', 'second b')
  aws.put('ai-infrastructure/later', 'it came')
  expect(await store.refresh()).toEqual(['B', 'LATER'])
  expect(aws.asked).toEqual(['ListSecrets', 'ListSecrets', 'GetSecretValue', 'GetSecretValue'])
  expect([await store.get('B'), await store.get('LATER')]).toEqual(['second b', 'it came'])
  expect(await store.remove('C')).toBe(true)
  expect(await store.get('C')).toBeUndefined()
})

test('what is set is there at once, also where it was removed before, and nothing is destroyed at once', async () => {
  const store = open()
  await store.set('GITHUB_PAT', 'one')
  expect(aws.valueOf('ai-infrastructure/github-pat')).toBe('one')
  await store.set('GITHUB_PAT', 'two')
  expect(await store.get('GITHUB_PAT')).toBe('two')
  expect(await store.remove('GITHUB_PAT')).toBe(true)
  expect(await store.remove('GITHUB_PAT')).toBe(false)
  expect(await open().get('GITHUB_PAT')).toBeUndefined()
  await store.set('GITHUB_PAT', 'three')
  expect(aws.valueOf('ai-infrastructure/github-pat')).toBe('three')
})

const faults = [
  ['AccessDeniedException', 400, 'AWS denies secretsmanager:GetSecretValue'],
  ['ThrottlingException', 400, 'AWS limits how often it is asked'],
  ['InternalServiceError', 500, 'cannot be asked (InternalServiceError)'],
  ['DecryptionFailure', 400, 'cannot use the KMS key'],
  ['ExpiredTokenException', 400, 'does not accept the keys of the appliance (ExpiredTokenException)'],
] as const

test('whatever AWS refuses is told in its words with what to do, and the last good value is kept until it answers again', async () => {
  aws.put('ai-infrastructure/github-pat', 'ghp_example')
  const store = open()
  await store.get('GITHUB_PAT')
  for (const [type, status, words] of faults) {
    aws.fault('GetSecretValue', { status, type, message: `words of ${type}` })
    const error = await refusal(store.get('OTHER'))
    expect(error.kind).toBe('waiting')
    expect(error.message).toContain(words)
    expect(error.hint).toBeString()
    aws.put('ai-infrastructure/github-pat', `rotated before ${type}`)
    expect(await store.refresh()).toEqual([])
    expect(store.problem()).toContain(words)
    expect(store.problem()).toMatch(/; the value of 20\d\d-\d\d-\d\d \d\d:\d\d UTC is used$/)
    expect(await store.get('GITHUB_PAT')).toBe('ghp_example')
    aws.fault('GetSecretValue', undefined)
  }
  expect(await store.refresh()).toContain('GITHUB_PAT')
  expect(store.problem()).toBeUndefined()
  expect(await store.get('GITHUB_PAT')).toBe('rotated before ExpiredTokenException')
})

test('an AWS that is silent, away or talks nonsense keeps nobody waiting for long', async () => {
  aws.put('ai-infrastructure/github-pat', 'ghp_example')
  const store = open()
  await store.get('GITHUB_PAT')
  for (const [fault, words] of [
    ['silence', 'did not answer within 0.5 s'],
    ['garbage', 'cannot be asked'],
  ] as const) {
    aws.fault('*', fault)
    const error = await refusal(store.get('OTHER'))
    expect(error.kind).toBe('waiting')
    expect(explain(error)).toContain(words)
    expect(await store.refresh()).toEqual([])
    expect(store.problem()).toContain(words)
    expect(await store.get('GITHUB_PAT')).toBe('ghp_example')
  }
  const away = open({ endpoint: 'http://127.0.0.1:1' })
  expect(explain(await refusal(away.get('OTHER')))).toContain('cannot be asked (ECONNREFUSED)')
})

test('keys that are wrong are told without them', async () => {
  const wrong = await refusal(open({ secretAccessKey: 'anotherSecretAccessKeyThatIsWrong' }).get('GITHUB_PAT'))
  expect(explain(wrong)).toContain('does not accept the keys of the appliance (InvalidSignatureException)')
  const unknown = await refusal(open({ accessKeyId: 'AKIAUNKNOWNUNKNOWN00' }).get('GITHUB_PAT'))
  expect(explain(unknown)).toContain('UnrecognizedClientException')
  expect(`${explain(wrong)}${explain(unknown)}`).not.toMatch(/anotherSecret|AKIA/)
})

test('keys that may not list see rotation all the same', async () => {
  aws.put('ai-infrastructure/github-pat', 'one')
  aws.fault('ListSecrets', { status: 400, type: 'AccessDeniedException', message: 'no' })
  const store = open()
  expect(await store.get('GITHUB_PAT')).toBe('one')
  expect((await store.list()).map(({ name }) => name)).toEqual(['GITHUB_PAT'])
  aws.put('ai-infrastructure/github-pat', 'two')
  expect(await store.refresh()).toEqual(['GITHUB_PAT'])
  expect(store.problem()).toBeUndefined()
})

test('a question that AWS limits once is asked again', async () => {
  aws.put('ai-infrastructure/github-pat', 'ghp_example')
  aws.fault('GetSecretValue', { status: 400, type: 'ThrottlingException', message: 'Rate exceeded', once: true })
  const client = createAwsClient(aws.settings, { timeout: 5_000, attempts: 3 })
  expect((await client.get('ai-infrastructure/github-pat'))?.value).toBe('ghp_example')
  expect(aws.asked).toEqual(['GetSecretValue', 'GetSecretValue'])
})
