import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setSharedSecret } from '../desired-state/edit-secrets.ts'
import type { Repository } from '../desired-state/repository.ts'
import { stateOf } from '../desired-state/testing/tree.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { readEnvironment } from '../runtime/os/environment.ts'
import { silentLog } from '../runtime/os/log.ts'
import { encryptFor } from '../runtime/secrets/age.ts'
import { type AwsServer, startAwsServer, testKeys, testRegion } from '../runtime/secrets/aws/testing/server.ts'
import { place } from '../runtime/secrets/place.ts'
import { createRedactor } from '../runtime/telemetry/redact.ts'
import { knownFrom, type SecretsRoom, secretsRoom } from './secrets.ts'

let root: string
let aws: AwsServer
let room: SecretsRoom
let redact: (text: string) => string
/** The files of each commit; the last one is main. */
const commits: Record<string, string>[] = [{ 'settings.yaml': 'secret_store: aws\n' }]
const heard: string[] = []

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ai-'))
  await mkdir(join(root, 'keys'))
  aws = startAwsServer()
  const repository: Pick<Repository, 'head' | 'read' | 'file' | 'edit'> = {
    head: async () => String(commits.length),
    read: async revision => ({ ok: true, state: stateOf(commits[Number(revision) - 1] ?? {}) }),
    file: async (revision, path) => commits[Number(revision) - 1]?.[path],
    async edit(_base, edits) {
      commits.push({ ...commits.at(-1), ...Object.fromEntries([...edits].map(([path, text]) => [path, text ?? ''])) })
      return { outcome: 'committed', revision: String(commits.length) }
    },
  }
  const environment = readEnvironment({
    ...{ AI_INFRA_HOME: root, AWS_REGION: testRegion, AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url },
    ...{ AWS_ACCESS_KEY_ID: testKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: testKeys.secretAccessKey },
    AI_INFRA_DATABASE_PASSWORD_SHOP: 'the password of the shop',
  })
  const known = knownFrom(environment)
  redact = createRedactor(known)
  const audit = { record: async () => {} }
  room = await secretsRoom({ environment, known, repository, audit, clock: systemClock, log: silentLog, command: 'ai-infra' })
  room.subscribe(names => heard.push(...names))
})
afterAll(async () => {
  room?.stop()
  await aws?.[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

/** Until a look has told of a name. */
const told = async (name: string) => {
  heard.length = 0
  room.committed()
  const deadline = performance.now() + 60_000
  while (!heard.includes(name)) {
    if (performance.now() > deadline) throw new Error(`nobody heard of ${name}`)
    await Bun.sleep(10)
  }
}

test('what is rotated in AWS is told, is the value from then on, and is redacted as the old one is', async () => {
  aws.put('ai-infrastructure/github-pat', 'the first of the values')
  expect(await room.value('secret:GITHUB_PAT', 'a test', 'here')).toBe('the first of the values')
  aws.put('ai-infrastructure/github-pat', 'the second of the values')
  await told('GITHUB_PAT')
  expect(redact('the first of the values, the second of the values')).toBe('[secret], [secret]')
  expect(await room.value('secret:GITHUB_PAT', 'a test', 'here')).toBe('the second of the values')
})

test('what is pushed in secrets.age.yaml is told, hides AWS, and is redacted before anybody asked for it', async () => {
  const armored = await encryptFor([await room.recipient()], 'from the repository')
  commits.push({ ...commits.at(-1), 'secrets.age.yaml': setSharedSecret(undefined, 'GITHUB_PAT', armored) })
  await told('GITHUB_PAT')
  expect(redact('from the repository')).toBe('[secret]')
  expect(await room.value('secret:GITHUB_PAT', 'a test', 'here')).toBe('from the repository')
  expect((await room.list()).secrets).toContainEqual(
    expect.objectContaining({ name: 'GITHUB_PAT', source: 'repository', hidden: ['aws'] }),
  )
})

test('what one operator shares is committed, told and used', async () => {
  const sharing = told('SHARED')
  await room.share('SHARED', 'shared by an operator', { name: 'Ada', email: 'ada@example.com' })
  await sharing
  const copy = await encryptFor(new Set([await room.recipient()]), 'shared by an operator')
  commits.push({ ...commits.at(-1), 'secrets.age.yaml': setSharedSecret(commits.at(-1)?.['secrets.age.yaml'], 'COPY', copy) })
  // Before it was used once, too.
  await expect(room.value('secret:COPY', 'a test', place('evil.example.com', 443, 'git'))).rejects.toMatchObject({
    kind: 'waiting',
  })
  expect(await room.value('secret:SHARED', 'a test', 'here')).toBe('shared by an operator')
  expect(JSON.stringify(commits)).not.toContain('shared by')
})

test('a password of the environment for a database belongs to the first host, and a person allows another', async () => {
  const name = 'AI_INFRA_DATABASE_PASSWORD_SHOP'
  const ask = (host: string) => room.value(name, 'database shop', place(host, 5432, 'database'))
  expect(await ask('db.example.com')).toBe('the password of the shop')
  await expect(ask('db.elsewhere.net')).rejects.toMatchObject({
    kind: 'waiting',
    hint: `if you want that: ai-infra secret allow ${name} db.elsewhere.net:5432`,
  })
  await room.allow(name, 'db.elsewhere.net', 'ada')
  expect(await ask('db.elsewhere.net')).toBe('the password of the shop')
})

test('what AWS keeps back is told where secrets are listed, and its last value is used', async () => {
  aws.put('ai-infrastructure/only-there', 'the value of only there')
  await room.value('ONLY_THERE', 'a test', 'here')
  aws.fault('*', { status: 400, type: 'AccessDeniedException', message: 'no' })
  aws.fault('ListSecrets', { status: 400, type: 'ThrottlingException', message: 'no' })
  room.committed()
  const deadline = performance.now() + 60_000
  while ((await room.list()).problems.length === 0 && performance.now() < deadline) await Bun.sleep(20)
  expect((await room.list()).problems).toMatchObject([{ source: 'aws', message: expect.stringContaining('limits how often') }])
  expect(await room.value('ONLY_THERE', 'a test', 'here')).toBe('the value of only there')
})
