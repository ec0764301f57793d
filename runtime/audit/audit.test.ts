import { afterAll, beforeAll, expect, test } from 'bun:test'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../os/clock.ts'
import { silentLog } from '../os/log.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import { createKnownSecrets } from '../telemetry/known-secrets.ts'
import { createAudit, type RunningAudit } from './audit.ts'
import type { AuditEvent, AuditLine } from './event.ts'
import { openAuditLog } from './log.ts'
import { parseAuditLine } from './parse.ts'
import { memoryPlace } from './testing/memory-place.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(async () => {
  await database[Symbol.asyncDispose]()
}, 60_000)

const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({
  ...{ type: 'command_executed', agent: 'code', user: '', action: 'run', target: 'make', outcome: 'success' },
  ...more,
})

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const open = async (root: string, secrets: readonly string[] = []): Promise<RunningAudit> => {
  const keys = join(root, 'keys')
  await mkdir(keys, { recursive: true })
  const { store } = database
  return createAudit({
    ...{ folder: join(root, 'audit'), keys, store, clock: systemClock, log: silentLog, secrets: createKnownSecrets(...secrets) },
    anchors: memoryPlace(),
  })
}

const linesIn = async (root: string): Promise<readonly AuditLine[]> =>
  (await readFile(join(root, 'audit', 'audit.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => parseAuditLine(line) as AuditLine)

test('what was recorded stands in the file, chained, and nobody else reads it', () =>
  withFolder(async root => {
    const audit = await open(root)
    await Promise.all(Array.from({ length: 50 }, (_, number) => audit.record(event({ target: `file ${number}` }))))
    const lines = await linesIn(root)
    expect(lines.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, number) => number + 1))
    expect(lines.slice(1).map(({ previous }) => previous)).toEqual(lines.slice(0, -1).map(({ hash }) => hash))
    expect((await stat(join(root, 'audit', 'audit.jsonl'))).mode & 0o777).toBe(0o600)
    await audit.stop()
    const again = await open(root)
    await again.record(event())
    expect((await linesIn(root)).at(-1)).toMatchObject({ sequence: 51, previous: lines.at(-1)?.hash ?? '' })
    await again.stop()
  }))

test('no secret enters it: not a known one, not one by its looks, not one under a telling name', () =>
  withFolder(async root => {
    const audit = await open(root, ['correct horse battery staple'])
    const pem = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----'
    const planted = [
      ...['correct horse battery staple', `sk-ant-${'a1'.repeat(20)}`, `ghp_${'b'.repeat(36)}`, `github_pat_${'c'.repeat(40)}`],
      ...[
        'AKIAIOSFODNN7EXAMPLE',
        'hunter2hunter2',
        `xoxb-${'1234567890'.repeat(2)}`,
        'eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl',
      ],
      'b3BlbnNzaC1rZXk',
    ]
    await audit.record(
      event({
        target: `curl -u me:x https://me:hunter2hunter2@db/x ${planted.slice(0, 5).join(' ')}`,
        action: `run ${planted[6]}`,
        user: `person ${planted[7]}`,
        details: {
          deep: [{ text: pem, [`sk-ant-${'k'.repeat(30)}`]: 1 }],
          password: 'hunter2hunter2',
          apiKey: 'plainvalue',
          argv: ['--token=hunter2hunter2'],
        },
        session: `ghp_${'b'.repeat(36)}`,
      }),
    )
    const text = await readFile(join(root, 'audit', 'audit.jsonl'), 'utf8')
    for (const secret of [...planted, 'plainvalue', 'kkkkkk']) expect(text).not.toContain(secret)
    await audit.stop()
  }))

test('a line that a crash cut short is set aside, said so, and the chain goes on', () =>
  withFolder(async root => {
    const audit = await open(root)
    await audit.record(event())
    await audit.stop()
    const path = join(root, 'audit', 'audit.jsonl')
    await appendFile(path, '{"previous":"half a li')
    const again = await open(root)
    await again.record(event())
    const lines = await linesIn(root)
    expect(lines.map(({ action }) => action)).toEqual(['run', 'audit.recovered', 'run'])
    expect(lines[1]?.previous).toBe(lines[0]?.hash ?? '')
    const [torn = ''] = (await readdir(join(root, 'audit'))).filter(name => name.startsWith('torn-'))
    expect(await readFile(join(root, 'audit', torn), 'utf8')).toBe('{"previous":"half a li')
    await again.stop()
    await appendFile(path, `${'\0'.repeat(100)}\n`)
    const third = await open(root)
    expect((await linesIn(root)).at(-1)).toMatchObject({ action: 'audit.recovered', sequence: 4 })
    await third.stop()
  }))

test('two writers are refused', () =>
  withFolder(async root => {
    const audit = await open(root)
    const other = Bun.spawn(
      [
        ...[process.execPath, '-e'],
        `const { openAuditLog } = await import(${JSON.stringify(join(import.meta.dir, 'log.ts'))})
         const { systemClock } = await import(${JSON.stringify(join(import.meta.dir, '../os/clock.ts'))})
         await openAuditLog({ folder: ${JSON.stringify(join(root, 'audit'))}, clock: systemClock }).then(() => console.log('open'), error => console.log(error.message))`,
      ],
      { stdout: 'pipe', cwd: root },
    )
    expect(await new Response(other.stdout).text()).toContain('writes the audit already')
    await audit.stop()
  }))

test('a full segment gets a name, and the chain goes on in the next', () =>
  withFolder(async folder => {
    const small = { folder, clock: systemClock, segment: 2_000 }
    const log = await openAuditLog(small)
    for (let number = 0; number < 20; number++) await log.append(event())
    await log.stop()
    const names = (await readdir(folder)).filter(name => name.endsWith('.jsonl')).sort()
    expect(names.length).toBeGreaterThan(3)
    expect(names[0]).toBe('audit-000000000001.jsonl')
    // Killed between the two steps of closing a segment.
    await truncate(join(folder, 'audit.jsonl'), 0)
    const again = await openAuditLog(small)
    const line = parseAuditLine((await again.append(event())).trimEnd())
    const [last = ''] = (await readFile(join(folder, names.at(-2) ?? ''), 'utf8')).trimEnd().split('\n').slice(-1)
    expect(line?.previous).toBe(parseAuditLine(last)?.hash ?? 'none')
    await again.stop()
  }))

test('the index finds by every field, page by page, also what was written while the database was away', () =>
  withFolder(async root => {
    await database.store`DELETE FROM audit`
    const log = await openAuditLog({ folder: join(root, 'audit'), clock: systemClock })
    for (let number = 0; number < 30; number++) await log.append(event({ target: `early ${number}` }))
    await log.stop()
    const audit = await open(root)
    const heard: AuditLine[] = []
    audit.subscribe(line => heard.push(line))
    await audit.record(
      event({
        type: 'user_login',
        agent: '',
        user: 'person ada@example.com',
        action: 'sign-in',
        target: '/sign-in',
        outcome: 'denied',
      }),
    )
    await audit.record(event({ type: 'file_write', target: '100%_sure\0', details: { why: 'needle \ud800' } }))
    await audit.caughtUp()
    expect(heard.map(({ action }) => action)).toEqual(['sign-in', 'run'])
    const targets = async (search: Parameters<typeof audit.search>[0]) =>
      (await audit.search(search)).events.map(({ target }) => target)
    expect(await targets({ type: 'user_login' })).toEqual(['/sign-in'])
    expect(await targets({ user: 'person ada@example.com', outcome: 'denied' })).toEqual(['/sign-in'])
    expect(await targets({ text: 'NEEDLE' })).toEqual(['100%_sure'])
    expect(await targets({ text: '0%_s' })).toEqual(['100%_sure'])
    expect(await targets({ to: new Date(0) })).toEqual([])
    const first = await audit.search({ agent: 'code', limit: 20 })
    const rest = await audit.search({ agent: 'code', limit: 20, cursor: first.cursor ?? '' })
    expect([first.events.length, rest.events.length, rest.cursor]).toEqual([20, 11, undefined])
    expect(new Set([...first.events, ...rest.events].map(({ sequence }) => sequence)).size).toBe(31)
    await audit.stop()
  }))
