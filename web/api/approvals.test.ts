import { afterAll, beforeAll, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { presets } from '../../desired-state/documents/presets.ts'
import { starterFiles } from '../../desired-state/git/init.ts'
import type { AuditEvent } from '../../runtime/audit/event.ts'
import { systemClock } from '../../runtime/os/clock.ts'
import { createActions } from '../../runtime/policy/actions/actions.ts'
import { createApprovals } from '../../runtime/policy/approvals/approvals.ts'
import { simpleLine } from '../../runtime/policy/approvals/simple-line.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { createActionRoutes } from '../agent-socket/actions.ts'
import type { Identity, Route } from '../door/route.ts'
import { ada, house } from '../portal/testing/house.ts'
import { createApprovalRoutes } from './approvals.ts'

let database: TestStore
beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(async () => {
  await database[Symbol.asyncDispose]()
}, 60_000)

const code: Identity = { kind: 'agent', name: 'code' }
const operator: Identity = { kind: 'operator', name: 'root' }

/** Both sides of an approval: the agent's socket and a person's API, on a real store. */
async function room() {
  const { repository } = house()
  const files = Object.fromEntries(await starterFiles())
  repository.add({ revision: 'f'.repeat(40) }, { ...files, 'permissions.yaml': '# mine\npermissions: {}\n' }, '')
  const audited: AuditEvent[] = []
  const audit = { record: async (event: AuditEvent) => void audited.push(event) }
  const { store } = database
  const approvals = createApprovals({ store, clock: systemClock, audit, simple: simpleLine })
  const actions = createActions({
    ...{ store, clock: systemClock, audit, approvals, policyOf: async () => presets[1] },
    decide: () => ({ decision: 'ask', reason: 'a person decides' }),
    standing: async () => ({ thread: undefined, task: undefined, tainted: false }),
  })
  const moved: number[] = []
  const routes = [
    ...createApprovalRoutes({ approvals, repository, engine: { moved: () => void moved.push(1) } }),
    ...createActionRoutes({ actions, approvals }),
  ]
  const call = async (identity: Identity, method: string, path: string, body?: unknown) => {
    const found = routes
      .map(route => ({ route, params: match(route, path) }))
      .find(({ route, params }) => route.method === method && params !== undefined)
    if (found === undefined) throw new Error(`no route ${path}`)
    const request = new Request(`http://x${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const of = { request, url: new URL(request.url), params: found.params ?? {}, identity, keepOpen: () => {} }
    const answer: unknown = await (await found.route.handle(of)).json()
    return answer
  }
  const request = (script: string) => ({
    ...{ work: randomUUID(), attempt: 1, call: 'c1', tool: 'run', title: script },
    needs: [{ kind: 'run', argv: ['bash', '-c', script], cwd: '/w', env: [], files: [] }],
  })
  return { call, request, repository, approvals, moved, audited }
}

const approvalIn = (answer: unknown): string => z.object({ approval: z.string() }).parse(answer).approval
const actionIn = (answer: unknown): string => z.object({ verdict: z.literal('allow'), action: z.string() }).parse(answer).action
const waitingIn = (answer: unknown) =>
  z.object({ waiting: z.array(z.looseObject({ id: z.string(), digest: z.string() })) }).parse(answer).waiting

function match({ path }: Route, asked: string): Record<string, string> | undefined {
  const pattern = new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`)
  const found = pattern.exec(asked)
  return found === null ? undefined : { ...found.groups }
}

test('an agent asks, waits, and goes on as soon as a person has approved', async () => {
  const { call, request } = await room()
  const asked = request('cowsay hello')
  const approval = approvalIn(await call(code, 'POST', '/agent/actions', asked))
  const waits = call(code, 'GET', `/agent/approvals/${approval}/decided`)
  const shown = waitingIn(await call(operator, 'GET', '/api/approvals')).find(each => each.id === approval)
  expect(shown).toMatchObject({ agent: 'code', reason: 'a person decides', state: 'waiting' })
  await expect(call(ada, 'POST', `/api/approvals/${approval}/approve`, { digest: 'another' })).rejects.toThrow(
    'not what you looked at',
  )
  expect(await call(ada, 'POST', `/api/approvals/${approval}/approve`, { digest: shown?.digest })).toEqual({ approved: approval })
  expect(await waits).toEqual({ approval, state: 'approved', by: 'person ada@example.com', note: '' })
  const action = actionIn(await call(code, 'POST', '/agent/actions', asked))
  expect(await call(code, 'POST', `/agent/actions/${action}/confirm`, { outcome: 'done', content: 'moo' })).toEqual({
    outcome: 'recorded',
  })
  await expect(call(ada, 'POST', `/api/approvals/${approval}/approve`, {})).rejects.toThrow('not waiting any more')
})

test('a denial carries its reason; another agent hears nothing of it', async () => {
  const { call, request } = await room()
  const approval = approvalIn(await call(code, 'POST', '/agent/actions', request('cowsay hello')))
  await call(operator, 'POST', `/api/approvals/${approval}/deny`, { reason: 'no cows' })
  expect(await call(code, 'GET', `/agent/approvals/${approval}/decided`)).toMatchObject({ state: 'denied', note: 'no cows' })
  const other: Identity = { kind: 'agent', name: 'data' }
  expect(await call(other, 'GET', `/agent/approvals/${approval}/decided`)).toEqual({
    message: 'there is no such approval of yours',
  })
})

test('no agent decides, also not where somebody forgot the policy of a route', async () => {
  const { call, request } = await room()
  const approval = approvalIn(await call(code, 'POST', '/agent/actions', request('cowsay hello')))
  for (const verb of ['approve', 'deny']) {
    await expect(call(code, 'POST', `/api/approvals/${approval}/${verb}`, {})).rejects.toThrow('only a person decides')
  }
})

test('"always" saves the rule that was shown as a commit of who approved, comments kept, and approves', async () => {
  const { call, request, repository, moved } = await room()
  const approval = approvalIn(await call(code, 'POST', '/agent/actions', request('cowsay hello')))
  const answer = await call(ada, 'POST', `/api/approvals/${approval}/approve`, { always: true })
  expect(answer).toMatchObject({ rule: expect.stringContaining('- "cowsay hello"') })
  const head = (await repository.head()) ?? ''
  expect(await repository.file(head, 'permissions.yaml')).toContain('# mine\npermissions:')
  expect(await repository.commit(head)).toMatchObject({
    author: { email: 'ada@example.com' },
    subject: 'Always allow code: run cowsay hello',
  })
  const read = await repository.read(head)
  expect(read.ok && read.state.agents.get('code')?.policy.run.always).toEqual(['cowsay hello'])
  expect(moved).toEqual([1])
})

test('where there must be no rule, "always" is refused and nothing is approved', async () => {
  const { call, request, approvals } = await room()
  const approval = approvalIn(await call(code, 'POST', '/agent/actions', request('sh -c "rm -r ."')))
  await expect(call(ada, 'POST', `/api/approvals/${approval}/approve`, { always: true })).rejects.toThrow('no rule')
  expect((await approvals.get(approval))?.state).toBe('waiting')
})

test('hostile requests are refused with what is expected', async () => {
  const { call, request } = await room()
  const wrong = [
    { ...request('x'), needs: [{ kind: 'anything' }] },
    { ...request('x'), work: 'a\0b' },
    { ...request('x'), attempt: -1 },
    { ...request('x'), needs: [{ kind: 'net', host: 'a', port: 99_999 }] },
    { ...request('x'), by: 'person ada@example.com' },
    {},
  ]
  for (const body of wrong) await expect(call(code, 'POST', '/agent/actions', body)).rejects.toThrow(/: |Unrecognized key/)
  await expect(call(code, 'GET', '/agent/approvals/x/decided')).rejects.toThrow('no UUID')
})
