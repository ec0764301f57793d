import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { createRepository } from '../../desired-state/git/repository.ts'
import type { Repository } from '../../desired-state/repository.ts'
import { type TestHome, testHome } from '../../desired-state/testing/home.ts'
import { minimalEnvironment, spawn } from '../../runtime/os/spawn.ts'
import type { ActionRequest, ActionResult, Actions, Verdict } from '../../runtime/policy/action.ts'
import { createProjects, type Projects } from '../../runtime/projects/projects.ts'
import type { Route } from '../door/route.ts'
import { type FakeEngine, fakeEngine } from '../portal/testing/fakes.ts'
import { databaseVerbs } from './verbs/databases.ts'
import { deployVerbs } from './verbs/deploy.ts'
import { domainVerbs } from './verbs/domains.ts'
import { logVerbs } from './verbs/logs.ts'
import { projectVerbs } from './verbs/projects.ts'
import { createVerbRoutes } from './verbs.ts'

const parsed = z.record(z.string(), z.unknown())

let place: TestHome
let repository: Repository
let projects: Projects
let engine: FakeEngine
let requests: ActionRequest[]
let confirmed: [string, ActionResult][]
let decide: (request: ActionRequest) => Verdict
let route: Route

beforeAll(async () => {
  place = await testHome()
  repository = createRepository(place.home)
  projects = createProjects({ home: place.home, spawn })
  await deliver('bakery', '<h1>Bread</h1>')
})
afterAll(() => place?.[Symbol.asyncDispose]())

beforeEach(() => {
  engine = fakeEngine()
  requests = []
  confirmed = []
  decide = () => ({ verdict: 'allow', action: 'a1' })
  const actions: Actions = {
    decide: async (_agent, request) => {
      requests.push(request)
      return decide(request)
    },
    confirm: async (_agent, action, result) => void confirmed.push([action, result]),
  }
  const deps = {
    repository,
    engine,
    projects,
    home: place.home,
    passwords: new Map<string, string>(),
    secret: async (reference: string) => `value of ${reference}`,
    redact: (text: string) => text.replaceAll('hunter2', '[secret]'),
  }
  const verbs = [...projectVerbs(deps), ...domainVerbs(deps), ...deployVerbs(deps), ...logVerbs(deps), ...databaseVerbs(deps)]
  const [made] = createVerbRoutes(verbs, actions, text => text)
  if (made === undefined) throw new Error('there is no route')
  route = made
})

async function deliver(project: string, content: string): Promise<string> {
  const clone = join(place.home.workspaces, 'code', 'working', project)
  const env = { ...minimalEnvironment, GIT_CONFIG_NOSYSTEM: '1', HOME: '/nonexistent' }
  await mkdir(clone, { recursive: true })
  await writeFile(join(clone, 'index.html'), content)
  const git = async (...args: string[]) => {
    const named = ['-c', 'user.name=code', '-c', 'user.email=code@x.invalid']
    const { code, stdout, stderr } = await spawn(['git', '-C', clone, ...named, ...args], { env })
    if (code !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  await git('init', '--quiet', '--initial-branch=main')
  await git('add', '--all')
  await git('commit', '--quiet', '-m', 'page')
  await git('bundle', 'create', '--quiet', join(place.home.workspaces, 'code', 'b.bundle'), 'HEAD')
  return (await projects.receive(project, 'code', 'b.bundle')).commit
}

async function ask(
  verb: string,
  input: unknown,
  agent = 'infra',
): Promise<{ status: number; answer: Readonly<Record<string, unknown>> }> {
  const body = JSON.stringify({ work: 'w1', attempt: 1, call: 'c1', input })
  const request = new Request('http://agent/', { method: 'POST', body })
  const response = await route.handle({
    ...{ request, url: new URL(request.url), params: { verb }, keepOpen: () => {} },
    identity: { kind: 'agent', name: agent },
  })
  return { status: response.status, answer: parsed.parse(await response.json()) }
}
const domains = async () => repository.file((await repository.head()) ?? '', 'domains.yaml')

test('publishing is decided with the commit that is meant, moves live, and is a commit in the agent’s name', async () => {
  const commit = (await projects.heads('bakery'))?.main
  const { answer } = await ask('deploy.publish', { project: 'bakery', domain: 'Bakery.example.com' })
  expect(answer).toMatchObject({
    verdict: 'done',
    result: { project: 'bakery', domain: 'bakery.example.com', commit, unchanged: false },
  })
  expect(requests[0]).toMatchObject({
    title: 'publish bakery on bakery.example.com',
    needs: [
      {
        kind: 'verb',
        verb: 'deploy.publish',
        input: { project: 'bakery', domain: 'bakery.example.com', commit, before: 'not there' },
      },
    ],
  })
  expect((await projects.heads('bakery'))?.live).toBe(commit)
  const state = await repository.read((await repository.head()) ?? '')
  expect(state.ok && state.state.domains.get('bakery.example.com')).toMatchObject({
    kind: 'static',
    root: 'bakery',
    deploy: { repo: projects.repository('bakery'), branch: 'live', directory: '.' },
  })
  const last = await repository.commit((await repository.head()) ?? '')
  expect(last).toMatchObject({
    author: { name: 'infra', email: 'infra@ai-infrastructure.invalid' },
    subject: 'Publish bakery on bakery.example.com',
  })
  expect(confirmed).toEqual([['a1', { outcome: 'done', content: JSON.stringify(answer.result) }]])
})

test('what needs a person does nothing until it is asked again, and another commit is another request', async () => {
  decide = () => ({ verdict: 'ask', approval: 'p1', reason: 'deploy.* asks' })
  const before = await projects.heads('bakery')
  const first = await ask('deploy.publish', { project: 'bakery', domain: 'bakery.example.com' })
  expect(first.answer).toEqual({ verdict: 'ask', approval: 'p1', reason: 'deploy.* asks' })
  const newer = await deliver('bakery', '<h1>Cake</h1>')
  await ask('deploy.publish', { project: 'bakery', domain: 'bakery.example.com' })
  expect(requests.map(request => request.needs)).not.toEqual([requests[0]?.needs, requests[0]?.needs])
  expect(JSON.stringify(requests[1]?.needs)).toContain(newer)
  expect((await projects.heads('bakery'))?.live).toBe(before?.live)
})

test('what is denied, done before, or lost is answered as it is, and nothing happens twice', async () => {
  const head = await repository.head()
  decide = () => ({ verdict: 'deny', reason: 'not here' })
  expect((await ask('domain.set', { domain: 'x.example.com', declaration: { root: 'x' } })).answer).toEqual({
    verdict: 'deny',
    reason: 'not here',
  })
  decide = () => ({ verdict: 'done', result: { outcome: 'done', content: '{"revision":"r"}' } })
  expect((await ask('domain.set', { domain: 'x.example.com', declaration: { root: 'x' } })).answer).toEqual({
    verdict: 'done',
    result: { revision: 'r' },
  })
  decide = () => ({ verdict: 'done', result: { outcome: 'failed', content: 'no' } })
  expect((await ask('domain.set', { domain: 'x.example.com', declaration: { root: 'x' } })).answer).toEqual({
    verdict: 'failed',
    reason: 'no',
  })
  expect(await repository.head()).toBe(head)
})

test('a mistake comes back with file, line and column, and nothing is changed', async () => {
  const before = await domains()
  const { answer } = await ask('domain.set', {
    domain: 'shop.example.com',
    declaration: { proxy: 'not a url', aliases: ['bakery.example.com'] },
  })
  expect(answer).toMatchObject({
    verdict: 'failed',
    reason: expect.stringMatching(/refused, nothing was changed:\ndomains\.yaml:\d+:\d+: /),
  })
  expect(confirmed[0]?.[1].outcome).toBe('failed')
  expect((await ask('domain.set', { domain: 'shop.example.com', declaration: { command: 'rm' } })).answer.reason).toContain(
    'a domain has no command',
  )
  expect(await domains()).toBe(before)
})

test('a domain is set and removed, with what stood there before shown to who approves', async () => {
  await ask('domain.set', { domain: 'tea.example.com', declaration: { proxy: 'http://127.0.0.1:9000', websocket: true } })
  expect(await domains()).toContain('tea.example.com: { proxy: http://127.0.0.1:9000, websocket: true }')
  engine.put({
    kind: 'site',
    key: 'tea.example.com',
    state: 'waiting',
    reason: 'upstream-down',
    message: 'nothing answers',
    revision: '',
    since: '',
  })
  const again = await ask('domain.set', {
    domain: 'tea.example.com',
    declaration: { proxy: 'http://127.0.0.1:9000', websocket: true },
  })
  expect(again.answer).toMatchObject({ result: { unchanged: true, resource: { state: 'waiting', message: 'nothing answers' } } })
  await ask('domain.remove', { domain: 'tea.example.com' })
  expect(JSON.stringify(requests.at(-1)?.needs)).toContain('"before":{"proxy":"http://127.0.0.1:9000","websocket":true}')
  expect(await domains()).not.toContain('tea.example.com')
  expect((await ask('domain.remove', { domain: 'tea.example.com' })).answer).toMatchObject({ result: { unchanged: true } })
})

test('a domain that serves no files is not taken over by publishing', async () => {
  await ask('domain.set', { domain: 'old.example.com', declaration: { redirect: 'https://bakery.example.com' } })
  const { answer } = await ask('deploy.publish', { project: 'bakery', domain: 'old.example.com' })
  expect(answer).toMatchObject({ verdict: 'failed', reason: expect.stringContaining('is a redirect') })
})

test('a project or verb that there is not, and input that does not fit, are refused before anything is decided', async () => {
  await expect(ask('deploy.publish', { project: 'nothing', domain: 'a.example.com' })).rejects.toThrow(
    'there is no project nothing',
  )
  await expect(ask('deploy.publish', { project: '../x', domain: 'a b', extra: 1 })).rejects.toThrow('deploy.publish.project')
  expect((await ask('constructor', {})).status).toBe(404)
  expect((await ask('toString', {})).status).toBe(404)
  expect(requests).toEqual([])
})

test('a log is read from its end, without secrets, and only by a name of the list', async () => {
  await mkdir(place.home.logs, { recursive: true })
  await writeFile(join(place.home.logs, 'nginx-access.log'), `${'old\n'.repeat(300)}GET /?key=hunter2\nlast\n`)
  await writeFile(join(place.home.root, 'secret.log'), 'x')
  const { answer } = await ask('logs.read', { log: 'nginx-access', lines: 2 })
  expect(answer.result).toEqual({ log: 'nginx-access.log', lines: ['GET /?key=[secret]', 'last'] })
  await writeFile(join(place.home.logs, 'nginx-access.log'), `${'x'.repeat(1_996)}hunter2\n`)
  const cut = await ask('logs.read', { log: 'nginx-access', lines: 1 })
  expect(cut.answer.result).toEqual({ log: 'nginx-access.log', lines: [`${'x'.repeat(1_996)}[sec`] })
  for (const log of ['../secret', '../secret.log', '/etc/passwd'])
    expect((await ask('logs.read', { log })).answer).toMatchObject({ verdict: 'failed' })
})

test('a statement for a database elsewhere is decided with where it goes; it is for the agents that the database names', async () => {
  const head = (await repository.head()) ?? ''
  const text = 'databases:\n  shop: { host: db.example.com, database: shop, user: reader }\n'
  await repository.edit(head, new Map([['databases.yaml', text]]), { name: 'Ada', email: 'ada@example.com' }, 'The shop')
  const query = { database: 'shop', statement: 'SELECT 1' }
  expect((await ask('database.query', query, 'data')).answer).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining('or puts AI_INFRA_DATABASE_PASSWORD_SHOP into the appliance'),
  })
  expect(requests[0]?.needs).toEqual([
    { kind: 'verb', verb: 'database.query', input: { ...query, on: 'reader@db.example.com:5432/shop', values: [] } },
    { kind: 'sql', statement: 'SELECT 1', database: 'shop' },
    { kind: 'net', host: 'db.example.com', port: 5432 },
  ])
  expect((await ask('database.change', query, 'data')).answer).toMatchObject({ reason: expect.stringContaining('only be read') })
  await expect(ask('database.query', query, 'code')).rejects.toThrow('code has no database shop')
  expect((await ask('status.databases', {}, 'data')).answer.result).toMatchObject({
    databases: [{ name: 'shop', unavailable: expect.stringContaining('is not set') }],
  })
})
