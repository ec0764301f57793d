import { expect, test } from 'bun:test'
import type { EngineEvent, Hold, RevisionPlan, Status } from '../../reconcilers/engine/status.ts'
import { countDone, eventLine, holdLines, planLines, summaryLines } from './lines.ts'

const revision = '0123456789abcdef0123456789abcdef01234567'
const change = { kind: 'site', key: 'blog.example.com', operation: 'create', summary: 'serve www/blog', fields: [] } as const

const hold: Hold = {
  id: 'abcdefabcdef',
  digest: 'abcdefabcdef00',
  revision,
  reason: 'it removes 3 of 4 of kind site, more than 30 %; it removes the last zone',
  kinds: [
    {
      kind: 'site',
      reason: 'it removes 3 of 4 of kind site, more than 30 %',
      changes: [
        { key: 'a.example.com', operation: 'delete', fields: [] },
        { key: 'b.example.com', operation: 'update', fields: [] },
        { key: 'c.example.com', operation: 'create', fields: [] },
      ],
    },
    { kind: 'zone', reason: 'it removes the last zone', changes: [{ key: 'example.com', operation: 'delete', fields: [] }] },
    { kind: 'certificate', reason: '', follows: 'site', changes: [{ key: 'a.example.com', operation: 'delete', fields: [] }] },
  ],
  since: '2026-01-01T00:00:00.000Z',
}

const empty: RevisionPlan = { revision, digest: '', changes: [], holds: [], unseen: [], leftAlone: [], waits: [] }

test('a plan names every change with its kind and what it does', () => {
  expect(planLines({ ...empty, changes: [change] })).toEqual(['plan for 01234567:', '  + site  blog.example.com  serve www/blog'])
  expect(planLines(empty)).toEqual(['plan for 01234567: nothing to change'])
})

test('a plan of what is not committed names no commit', () => {
  expect(planLines({ ...empty, revision: '', changes: [change] }, 'ai-infra')[0]).toBe('plan:')
})

test('a long plan is cut and says by how much', () => {
  const changes = Array.from({ length: 100 }, (_, index) => ({ ...change, key: `s${index}.example.com` }))
  const lines = planLines({ ...empty, changes })
  expect(lines).toHaveLength(42)
  expect(lines.at(-1)).toBe('  … and 60 more')
})

test('a held commit says why, and all that goes, of each kind', () => {
  const lines = [
    'HELD: it removes 3 of 4 of kind site, more than 30 %.',
    '  - site a.example.com',
    '  ~ site b.example.com',
    'HELD: it removes the last zone.',
    '  - zone example.com',
    '  With it go:',
    '  - certificate a.example.com',
  ]
  const last = '  Nothing of kind site, zone, certificate changes until somebody approves it, once'
  expect(holdLines(hold)).toEqual([...lines, `${last}.`])
  expect(holdLines(hold, './main.ts')).toEqual([...lines, `${last}:`, '  ./main.ts approve abcdefabcdef'])
  expect(holdLines({ ...hold, id: '' }, './main.ts')).toEqual([...lines, `${last}.`])
})

test('a plan says once what goes: the hold below it lists only what does not stand above', () => {
  const gone = { ...change, key: 'a.example.com', operation: 'delete', summary: 'remove; files are archived' } as const
  const lines = planLines({ ...empty, changes: [gone], holds: [hold] }, 'ai-infra')
  expect(lines.filter(line => line.includes('site ') && line.includes('a.example.com'))).toEqual([
    '  - site  a.example.com  remove; files are archived',
  ])
  expect(lines.slice(2, 5)).toEqual([
    'HELD: it removes 3 of 4 of kind site, more than 30 %.',
    '  ~ site b.example.com',
    'HELD: it removes the last zone.',
  ])
  expect(lines.at(-1)).toBe('  ai-infra approve abcdefabcdef')
})

test('a plan says once why several kinds could not look at the same', () => {
  const message = 'the secret DNS_KEY is not set'
  const unseen = ['dns-record', 'site-record'].map(kind => ({ kind, key: 'example.com', message }))
  const lines = planLines({ ...empty, unseen: [...unseen, { kind: 'dns-record', key: 'example.org', message }] })
  expect(lines.slice(1)).toEqual([
    '  ? dns-record, site-record example.com: the secret DNS_KEY is not set',
    '  ? dns-record example.org: the secret DNS_KEY is not set',
  ])
})

test('a plan of a held kind says that what follows it waits as well, and does not promise it', () => {
  const record = { ...change, kind: 'site-record', key: 'blog.example.com/A', summary: '203.0.113.9' }
  const lines = planLines({ ...empty, changes: [record], holds: [hold], waits: [{ kind: 'site-record', for: 'site' }] })
  expect(lines[1]).toBe('  = site-record blog.example.com/A  waits with site: 203.0.113.9')
})

test('each verified or failed change is one line with its time, and is counted', () => {
  const verified: EngineEvent = { type: 'change', revision, change, phase: 'verified', milliseconds: 84, message: '' }
  const failed: EngineEvent = { type: 'change', revision, change, phase: 'failed', milliseconds: 5, message: 'nginx said no' }
  expect(eventLine(verified)).toBe('  + site blog.example.com created: serve www/blog (84 ms)')
  expect(eventLine(failed)).toBe('  ! site blog.example.com FAILED: nginx said no')
  const waiting: EngineEvent = { ...failed, phase: 'waiting', message: 'the secret DNS_KEY is not set' }
  expect(eventLine(waiting)).toBe('  … site blog.example.com waits: the secret DNS_KEY is not set')
  expect(eventLine({ type: 'change', revision, change, phase: 'started' })).toBeUndefined()
  expect([...countDone([verified, failed])]).toEqual([
    ['created', 1],
    ['failed', 1],
  ])
})

test('the summary says what is left and how to go on', () => {
  const status: Status = { revision, desired: revision, converged: true, resources: [] }
  expect(summaryLines(status, [], new Map([['created', 1]]), 112, 'ai-infra')).toEqual([
    'converged to 01234567 in 112 ms: 1 created',
  ])
  const waiting = {
    kind: 'site',
    key: 'app',
    state: 'waiting',
    reason: 'upstream-down',
    message: 'nothing answers',
    revision,
    since: '',
  } as const
  expect(summaryLines({ ...status, converged: false, resources: [waiting] }, [], new Map(), 9, 'ai-infra')).toEqual([
    '01234567 is accepted, and not all of it is reached yet:',
    '  waiting site app: nothing answers',
    'it goes on by itself; to watch: ai-infra status',
  ])
})

test('the summary tells once of all that wait for the same', () => {
  const key = {
    reason: 'missing-secret',
    message: 'the secret DNS_KEY is not set',
    revision,
    since: '',
    state: 'waiting',
  } as const
  const resources = ['a', 'b', 'c', 'd', 'e'].map(name => ({ ...key, kind: 'dns-record', key: `${name}.example.com/A` }))
  const other = { ...key, kind: 'site', key: 'app', message: 'nothing answers' }
  const status: Status = { revision, desired: revision, converged: false, resources: [...resources, other] }
  expect(summaryLines(status, [], new Map(), 9, 'ai-infra').slice(1, -1)).toEqual([
    '  waiting dns-record a.example.com/A, dns-record b.example.com/A, dns-record c.example.com/A and 2 more: the secret DNS_KEY is not set',
    '  waiting site app: nothing answers',
  ])
})

test('the summary does not promise that what is stalled goes on by itself', () => {
  const stalled = {
    ...{ kind: 'backup', key: 'nightly', reason: 'wrong-password', message: 'another password', revision, since: '' },
    state: 'stalled' as const,
  }
  const status: Status = { revision, desired: revision, converged: false, resources: [stalled] }
  const last = (resources: Status['resources']) => summaryLines({ ...status, resources }, [], new Map(), 9, 'ai-infra').at(-1)
  expect(last([stalled])).toBe('what is stalled waits for you, as it says; to watch: ai-infra status')
  expect(last([stalled, { ...stalled, state: 'waiting' }])).toBe(
    'what is stalled waits for you, as it says; the rest goes on by itself; to watch: ai-infra status',
  )
})

test('the summary names a held commit and its one ID once, however many kinds and resources it holds, and does not promise that it goes on', () => {
  const held = { kind: 'site', key: 'a', state: 'held', reason: 'blast-cap', message: 'approve it', revision, since: '' } as const
  const resources = [held, { ...held, key: 'b' }]
  expect(summaryLines({ revision, desired: revision, converged: false, resources }, [hold], new Map(), 9, 'ai-infra')).toEqual([
    '01234567 is accepted, and not all of it is reached yet:',
    '  held: it removes 3 of 4 of kind site, more than 30 %; it removes the last zone; approve with: ai-infra approve abcdefabcdef',
    'until that is approved, or a newer commit takes it back, everything held stays as it is',
  ])
})

test('a plan and a summary say what they leave alone because it is suspended', () => {
  const leftAlone = [{ kind: 'site', key: 'blog.example.com', until: '2026-01-01T14:05:00.000Z' }]
  expect(planLines({ ...empty, leftAlone })).toEqual([
    'plan for 01234567:',
    '  = site  blog.example.com  would change, and is suspended until 2026-01-01 14:05 UTC: left alone',
  ])
  const suspended = {
    kind: 'site',
    key: 'blog.example.com',
    state: 'suspended',
    reason: 'suspended',
    message: 'moving files',
    revision,
    since: '',
  } as const
  const status: Status = { revision, desired: revision, converged: true, resources: [suspended] }
  expect(summaryLines(status, [], new Map(), 9, 'ai-infra')).toEqual([
    '  suspended site blog.example.com: moving files',
    'converged to 01234567 in 9 ms, nothing had to change',
  ])
})
