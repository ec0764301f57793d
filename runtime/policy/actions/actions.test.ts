import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { presets } from '../../../desired-state/documents/presets.ts'
import type { AuditEvent } from '../../audit/event.ts'
import { systemClock } from '../../os/clock.ts'
import { startTestStore, type TestStore } from '../../store/testing/postgres.ts'
import type { ActionRequest, Need, Verdict } from '../action.ts'
import { createApprovals } from '../approvals/approvals.ts'
import { type ActionsDeps, createActions, type Ruling } from './actions.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(async () => {
  await database[Symbol.asyncDispose]()
}, 60_000)

const person = 'person ada@example.com'

/** A ledger over the real store, whose rules and time the test holds in its hands. */
function room(changes: Partial<ActionsDeps> = {}) {
  const audited: AuditEvent[] = []
  const audit = { record: async (event: AuditEvent) => void audited.push(event) }
  const now = { offset: 0 }
  const clock = { ...systemClock, now: () => new Date(Date.now() + now.offset) }
  const rules: { ruling: Ruling } = { ruling: { decision: 'allow' } }
  const attempts = { current: 1 }
  const { store } = database
  const approvals = createApprovals({ store, clock, audit, simple: async () => undefined })
  const deps: ActionsDeps = {
    ...{ store, clock, audit, approvals },
    decide: () => rules.ruling,
    policyOf: async () => presets[1],
    standing: async (_agent, _work, attempt) =>
      attempt === attempts.current ? { thread: 't', task: undefined, tainted: false } : undefined,
    ...changes,
  }
  return { actions: createActions(deps), approvals, audited, now, rules, attempts, deps }
}

const run = (script: string): Need => ({ kind: 'run', argv: ['bash', '-c', script], cwd: '/w', env: ['PATH'], files: [] })
const request = (more: Partial<ActionRequest> = {}): ActionRequest => ({
  ...{ work: randomUUID(), attempt: 1, call: 'toolu_1', tool: 'run', title: 'make', needs: [run('make')] },
  ...more,
})
const approvalIn = (verdict: Verdict): string => (verdict.verdict === 'ask' ? verdict.approval : '')
const actionIn = (verdict: Verdict): string => (verdict.verdict === 'allow' ? verdict.action : '')
const kinds = (events: readonly AuditEvent[]) => events.map(({ type, outcome }) => `${type} ${outcome}`)

test('what the rules allow is dispatched once, and its outcome is remembered', async () => {
  const { actions, audited } = room()
  const asked = request()
  const allowed = await actions.decide('code', asked)
  expect(allowed.verdict).toBe('allow')
  expect(kinds(audited)).toEqual(['command_executed intent'])
  // The answer was lost on the way: the same process asks again.
  expect(await actions.decide('code', asked)).toEqual(allowed)
  await actions.confirm('code', actionIn(allowed), { outcome: 'done', content: 'made\0 it' })
  await actions.confirm('code', actionIn(allowed), { outcome: 'failed', content: 'twice' })
  expect(await actions.decide('code', asked)).toEqual({ verdict: 'done', result: { outcome: 'done', content: 'made it' } })
  expect(kinds(audited).slice(-1)).toEqual(['command_executed success'])
})

test('after a crash nobody repeats what may have happened, but may look again', async () => {
  const { actions, attempts } = room()
  const asked = request()
  const reading = request({ needs: [{ kind: 'read', path: '/w/a' }] })
  const [first, look] = [await actions.decide('code', asked), await actions.decide('code', reading)]
  attempts.current = 2
  expect(await actions.decide('code', { ...asked, attempt: 2 })).toMatchObject({ verdict: 'unknown' })
  expect(await actions.decide('code', { ...reading, attempt: 2 })).toEqual(look)
  await actions.confirm('code', actionIn(first), { outcome: 'done', content: 'after all' })
  expect(await actions.decide('code', { ...asked, attempt: 2 })).toMatchObject({ verdict: 'done' })
})

test('a command that changed a file which it names is unknown after a crash, not refused, and never made again', async () => {
  const { actions, attempts } = room()
  const naming = (digest: string): Need => ({
    ...{ kind: 'run', argv: ['bash', '-c', 'make > log'], cwd: '/w', env: [] },
    files: [{ path: '/w/log', digest }],
  })
  const asked = request({ needs: [naming('before')] })
  const reading = request({ needs: [{ kind: 'read', path: '/w/a' }] })
  const first = await actions.decide('code', asked)
  await actions.decide('code', reading)
  attempts.current = 2
  const again = { ...asked, attempt: 2, needs: [naming('after')] }
  expect(await actions.decide('code', again)).toMatchObject({ verdict: 'unknown' })
  const elsewhere: ActionRequest = { ...reading, attempt: 2, needs: [{ kind: 'read', path: '/w/b' }] }
  expect(await actions.decide('code', elsewhere)).toMatchObject({ verdict: 'unknown' })
  await actions.confirm('code', actionIn(first), { outcome: 'done', content: 'after all' })
  expect(await actions.decide('code', again)).toMatchObject({ verdict: 'done', result: { content: 'after all' } })
})

test('an older attempt, another agent and another request under the same call get nothing', async () => {
  const { actions, attempts } = room()
  const asked = request()
  const allowed = await actions.decide('code', asked)
  expect(await actions.decide('data', asked)).toMatchObject({ verdict: 'deny' })
  expect(await actions.decide('code', { ...asked, needs: [run('rm -r .')] })).toMatchObject({ verdict: 'deny' })
  attempts.current = 2
  expect(await actions.decide('code', asked)).toMatchObject({ verdict: 'deny' })
  await expect(actions.confirm('data', actionIn(allowed), { outcome: 'done', content: '' })).rejects.toThrow('no action')
})

test('a refusal says why and is audited', async () => {
  const { actions, audited, rules } = room()
  rules.ruling = { decision: 'deny', reason: 'nothing allows it' }
  expect(await actions.decide('code', request())).toEqual({ verdict: 'deny', reason: 'nothing allows it' })
  expect(kinds(audited)).toEqual(['permission_denied denied'])
})

test('an approval serves its request once, and no other', async () => {
  const { actions, approvals, rules, audited } = room()
  rules.ruling = { decision: 'ask', reason: 'it destroys' }
  const asked = request()
  const id = approvalIn(await actions.decide('code', asked))
  expect(approvalIn(await actions.decide('code', asked))).toBe(id)
  expect(await approvals.decide(id, 'approved', person)).toBe(true)
  expect(await approvals.decide(id, 'denied', person)).toBe(false)
  // Another command under the approved call is a new question.
  const other = await actions.decide('code', { ...asked, call: 'toolu_2' })
  expect(approvalIn(other)).not.toBe(id)
  const swapped = approvalIn(await actions.decide('code', { ...asked, needs: [run('rm -r .')] }))
  expect(swapped).not.toBe(id)
  expect((await approvals.get(id))?.state).toBe('expired')
  expect(await approvals.decide(swapped, 'approved', person)).toBe(true)
  const verdicts = await Promise.all([1, 2, 3].map(() => actions.decide('code', { ...asked, needs: [run('rm -r .')] })))
  expect(new Set(verdicts.map(actionIn).filter(Boolean)).size).toBe(1)
  expect((await approvals.get(swapped))?.state).toBe('used')
  expect(kinds(audited)).toContain('permission_escalation intent')
})

test('an approval is bound to the files that were shown', async () => {
  const { actions, approvals, rules } = room()
  rules.ruling = { decision: 'ask', reason: '' }
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    const path = join(folder, 'deploy.sh')
    await writeFile(path, 'echo harmless')
    const digest = createHash('sha256').update('echo harmless').digest('hex')
    const asked = request({ needs: [{ kind: 'run', argv: ['./deploy.sh'], cwd: folder, env: [], files: [{ path, digest }] }] })
    const id = approvalIn(await actions.decide('code', asked))
    await approvals.decide(id, 'approved', person)
    await writeFile(path, 'rm -r /')
    expect(await actions.decide('code', asked)).toMatchObject({
      verdict: 'deny',
      reason: expect.stringContaining('deploy.sh is not'),
    })
    // A pipe, a folder or nothing in its place could become anything by the time that the command reads it.
    await rm(path)
    expect(await actions.decide('code', asked)).toMatchObject({ verdict: 'deny' })
    Bun.spawnSync(['mkfifo', path])
    expect(await actions.decide('code', asked)).toMatchObject({ verdict: 'deny' })
    await rm(path)
    await symlink(join(folder, 'elsewhere'), path)
    await writeFile(join(folder, 'elsewhere'), 'rm -r /')
    expect(await actions.decide('code', asked)).toMatchObject({ verdict: 'deny' })
    await rm(path)
    await writeFile(path, 'echo harmless')
    expect(await actions.decide('code', asked)).toMatchObject({ verdict: 'allow' })
    const claimed = request({
      needs: [{ kind: 'run', argv: ['x'], cwd: folder, env: [], files: [{ path, digest: '0'.repeat(64) }] }],
    })
    expect(await actions.decide('code', claimed)).toMatchObject({ verdict: 'deny' })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a denial reaches the agent with its reason; rules that deny beat an approval', async () => {
  const { actions, approvals, rules } = room()
  rules.ruling = { decision: 'ask', reason: '' }
  const [denied, overruled] = [request(), request()]
  await approvals.decide(approvalIn(await actions.decide('code', denied)), 'denied', person, 'wrong domain')
  expect(await actions.decide('code', denied)).toEqual({ verdict: 'deny', reason: `${person} denied it: wrong domain` })
  await approvals.decide(approvalIn(await actions.decide('code', overruled)), 'approved', person)
  rules.ruling = { decision: 'deny', reason: 'not any more' }
  expect(await actions.decide('code', overruled)).toEqual({ verdict: 'deny', reason: 'not any more' })
})

test('nobody decides for himself: agents cannot, whatever they are called', async () => {
  const { actions, approvals, rules } = room()
  rules.ruling = { decision: 'ask', reason: '' }
  const id = approvalIn(await actions.decide('code', request()))
  for (const by of ['agent supervisor', 'code', 'person', 'operators', '']) {
    await expect(approvals.decide(id, 'approved', by)).rejects.toThrow('only a person decides')
  }
  expect((await approvals.get(id))?.state).toBe('waiting')
  expect(await approvals.decide(id, 'denied', 'operator')).toBe(true)
})

test('an approval that nobody gives expires, also one that nobody uses, and whoever waits hears of it', async () => {
  const { actions, approvals, rules, now } = room()
  rules.ruling = { decision: 'ask', reason: '' }
  const [ignored, unused] = [request(), request()]
  const first = approvalIn(await actions.decide('code', ignored))
  const second = approvalIn(await actions.decide('code', unused))
  const heard = approvals.decided(second, AbortSignal.timeout(60_000))
  await approvals.decide(second, 'approved', person)
  expect((await heard).state).toBe('approved')
  now.offset = 86_400_000
  expect((await approvals.decided(first, AbortSignal.timeout(60_000))).state).toBe('expired')
  expect(await approvals.decide(first, 'approved', person)).toBe(false)
  expect(await actions.decide('code', unused)).toMatchObject({ verdict: 'deny', reason: expect.stringContaining('in time') })
  expect((await approvals.waiting()).map(({ id }) => id)).not.toContain(first)
})

test('a tool that always asks is asked for also where the rules allow it', async () => {
  const { actions, approvals } = room()
  const asked = request({ requiresApproval: true })
  const id = approvalIn(await actions.decide('code', asked))
  await approvals.decide(id, 'approved', person)
  expect(await actions.decide('code', asked)).toMatchObject({ verdict: 'allow' })
})

test('what is read from where strangers write asks from then on, and what came with a result is known after a crash', async () => {
  const came: string[] = []
  const looked: Need[] = []
  const { actions, rules } = room({
    policyOf: async () => presets[2],
    strangers: async (_agent, _standing, needs) => {
      looked.push(...needs)
      return needs.some(need => need.kind === 'run' && need.argv.includes('cat access.log'))
    },
    taint: async (_work, source) => void came.push(source),
  })
  expect(await actions.decide('infra', request({ needs: [run('cat access.log')] }))).toMatchObject({
    verdict: 'ask',
    reason: expect.stringContaining('text of strangers'),
  })
  const asked = request()
  const allowed = await actions.decide('infra', asked)
  expect(allowed.verdict).toBe('allow')
  await actions.confirm('infra', actionIn(allowed), { outcome: 'done', content: 'x', tainted: 'registry.npmjs.org' })
  expect(came).toEqual(['registry.npmjs.org'])
  rules.ruling = { decision: 'deny', reason: 'no' }
  const before = looked.length
  await actions.decide('infra', request())
  expect(looked.length).toBe(before)
})

test('nothing is allowed that could not be written down', async () => {
  const { actions, audited } = room({
    audit: { record: async () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })) },
  })
  await expect(actions.decide('code', request())).rejects.toThrow('ENOSPC')
  expect(audited).toEqual([])
})
