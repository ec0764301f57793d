import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { systemClock } from '../../../runtime/os/clock.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { startTestStore, type TestStore } from '../../../runtime/store/testing/postgres.ts'
import { gitOverHttp } from '../testing/git-http.ts'
import {
  broken,
  type GitHubServer,
  gitHubToken,
  primaryLimit,
  secondaryLimit,
  startGitHubServer,
} from '../testing/github-server.ts'
import { createRigs, declared, type Rig, type Rigs, site } from '../testing/rig.ts'
import { gitHubAddress } from './address.ts'
import { createGitHub } from './client.ts'
import { createPace, type Pace } from './pace.ts'
import { type ReportDeps, reportToGitHub } from './report.ts'
import { createReports } from './reports.ts'

setDefaultTimeout(60_000)

let postgres: TestStore
let rigs: Rigs
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
}, 60_000)
afterAll(async () => {
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
}, 60_000)

const context = 'ai-infra/test'

interface Scene extends AsyncDisposable {
  readonly it: Rig
  readonly github: GitHubServer
  readonly pause: { until: number }
  outcome: ReturnType<ReportDeps['outcome']>
  isCalm: boolean
  /** A ref that has more than may be fetched. */
  tooLarge: string | undefined
  /** States whose world was looked at. */
  readonly planned: (readonly string[])[]
  declare(more: Readonly<Record<string, unknown>>): Promise<void>
  report(): ReturnType<typeof reportToGitHub>
}

/** A mirror of a repository on the test server, both the same. */
async function scene(more: Readonly<Record<string, unknown>> = {}, pace: Pace = createPace(systemClock)): Promise<Scene> {
  const it = await rigs.open({ secrets: { TOKEN: gitHubToken } })
  await postgres.store`DELETE FROM forge_report`
  const github = startGitHubServer()
  github.git = gitOverHttp(it.upstream, `x-access-token:${gitHubToken}`)
  const declare = (words: Readonly<Record<string, unknown>>) =>
    it.mirror.follow(declared(`${github.url}/me/config.git`, { token: 'secret:TOKEN', api: github.url, ...words }))
  await declare(more)
  const head = await it.head()
  await it.records.update({ head, agreed: head, seenAt: new Date() })
  const made: Scene = {
    ...{ it, github, pause: { until: 0 }, planned: [], isCalm: true, tooLarge: undefined, declare },
    outcome: { state: 'success', description: 'converged: 3 resources are as declared' },
    report: () => reportToGitHub(deps, { pulls: true }),
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]()
      await it[Symbol.asyncDispose]()
    },
  }
  const tooLarge = new ApplianceError('stalled', 'what is new there has more than 64 MiB')
  const deps: ReportDeps = {
    ...{ head: it.repository.head, read: it.repository.read, reports: createReports(postgres.store), context },
    mirror: {
      followed: it.mirror.followed,
      borrow: (ref, use) => (ref === made.tooLarge ? Promise.reject(tooLarge) : it.mirror.borrow(ref, use)),
    },
    merge: it.exchange.merge,
    pace,
    connect: async address => createGitHub(address, { token: gitHubToken, clock: systemClock, pause: made.pause }),
    outcome: () => made.outcome,
    isCalm: () => made.isCalm,
    async plan({ revision, domains, settings }) {
      made.planned.push([revision, `look every ${settings.look_interval_seconds} s`, ...domains.keys()])
      return [`plan for ${revision.slice(0, 8)}:`, ...[...domains.keys()].map(host => `  + site  ${host}  with s3cret`)]
    },
    declares: async ({ domains }) => ['declares:', ...domains.keys()],
    redact: text => text.replaceAll('s3cret', '[redacted]'),
    page: revision => `https://portal.example.com/changes/${revision}`,
  }
  return made
}

test('a repository over https is fetched and pushed with the token, which nobody else sees', async () => {
  await using made = await scene()
  const { it, github } = made
  const revision = await it.there({ 'domains.yaml': site('theirs') })
  await it.mirror.look()
  expect(await it.head()).toBe(revision)
  const ours = await it.commit({ 'domains.yaml': site('ours') })
  await it.mirror.push(new AbortController().signal, async () => {})
  expect(await it.headThere()).toBe(ours)
  github.git = gitOverHttp(it.upstream, 'x-access-token:another')
  await it.mirror.look()
  const said = it.records.current()?.problem?.message
  expect(said).toContain('look at the token')
  expect(said).not.toContain(gitHubToken)
  expect(JSON.stringify(await it.mirror.standing())).not.toContain(gitHubToken)
})

test('an upstream that repeats the token, and moves cursors, does neither to who reads its words', async () => {
  await using made = await scene()
  const { it, github } = made
  github.git = async request => {
    const headers = { 'content-type': 'text/plain', 'www-authenticate': 'Basic realm="git"' }
    const said = [gitHubToken, request.headers.get('authorization')].join(' or ')
    return new Response(`\u001b[2J\u001b]0;gone\u0007you sent ${said}, which is wrong`, { status: 403, headers })
  }
  await it.mirror.look()
  const said = JSON.stringify([it.records.current()?.problem, await it.mirror.standing()])
  expect(said).toContain('you sent [secret] or Basic ')
  expect(said).not.toContain(gitHubToken)
  expect(said).not.toContain(Buffer.from(`x-access-token:${gitHubToken}`).toString('base64').slice(24))
  expect(it.records.current()?.problem?.message).not.toMatch(/\p{Cc}/u)
})

test('a commit is pending, then a success, each said once', async () => {
  await using made = await scene()
  const { it, github } = made
  const head = await it.head()
  made.outcome = { state: 'pending', description: 'site/blog.example.com reconciling: serve www/blog' }
  await made.report()
  await made.report()
  made.outcome = { state: 'success', description: `converged ${'x'.repeat(200)} s3cret` }
  await made.report()
  await made.report()
  expect(github.told).toEqual([`${head} ${context}: pending`, `${head} ${context}: success`])
  const { description = '', target_url } = github.statuses.get(`${head} ${context}`) ?? {}
  expect([description.length, target_url]).toEqual([140, `https://portal.example.com/changes/${head}`])
  expect(github.wrong).toEqual([])
})

test('an invalid commit gets its first mistake where its author looks', async () => {
  await using made = await scene()
  const { it, github } = made
  const bad = await it.there({ 'domains.yaml': 'domains:\n  blog.example.com: { rooot: x }\n' })
  await it.mirror.look()
  await made.report()
  expect(github.statuses.get(`${bad} ${context}`)).toMatchObject({
    state: 'failure',
    description: 'domains.yaml:2:23: unknown key "rooot"; did you mean "root"?',
  })
})

/** An open pull request from a branch on main. */
async function propose({ it, github }: Scene, number: number, text: string, repo = 'me/config'): Promise<string> {
  const onto = await it.headThere()
  const head = await it.there({ 'domains.yaml': text }, { ref: `refs/pull/${number}/head`, onto })
  github.pulls = [...github.pulls.filter(pull => pull.number !== number), { number, head, repo, base: 'main' }]
  return head
}

const ours = ({ github }: Scene, number = 7) =>
  (github.comments.get(number) ?? []).filter(({ user }) => user.login === 'me').map(({ body }) => body)

test('a pull request gets its plan as one comment, which follows its head, and nothing secret', async () => {
  await using made = await scene()
  const { it, github } = made
  // Somebody else's words before ours, more than a page of them.
  github.comments.set(
    7,
    Array.from({ length: 130 }, (_, at) => ({
      id: 10_000 + at,
      body: `<!-- ${context} plan --> not ours`,
      user: { login: 'eve', type: 'User' as const },
    })),
  )
  const first = await propose(made, 7, site('idea'))
  const before = await it.head()
  await made.report()
  await made.report()
  expect(ours(made)).toEqual([expect.stringContaining('+ site  idea.example.com  with [redacted]')])
  expect(github.statuses.get(`${first} ${context} plan`)?.state).toBe('success')
  const second = await propose(made, 7, 'rubbish ~~~~ ``` @everybody')
  await made.report()
  expect(ours(made)).toEqual([expect.stringContaining(`would refuse ${second.slice(0, 8)}`)])
  expect(github.statuses.get(`${second} ${context} plan`)).toMatchObject({ state: 'failure' })
  // What was said before a crash could write it down is found again.
  await postgres.store`DELETE FROM forge_report`
  await made.report()
  expect(ours(made)).toHaveLength(1)
  expect([await it.head(), await it.leftovers()]).toEqual([before, []])
  expect(github.wrong).toEqual([])
})

test('the plan of a pull request is of the merge with main, and follows main: its comment is written over, and only when it differs', async () => {
  await using made = await scene()
  const { it, github } = made
  const move = async (files: Readonly<Record<string, string>>) => {
    await it.there(files)
    await it.mirror.look()
    await made.report()
  }
  const edits = () => github.asked.filter(line => line.startsWith('PATCH')).length
  const head = await propose(made, 7, site('idea'))
  await made.report()
  const [shown = ''] = ours(made)
  // What main got meanwhile is not shown as if the pull request took it away.
  await move({ 'settings.yaml': 'look_interval_seconds: 40\n' })
  expect(made.planned.at(-1)).toEqual([head, 'look every 40 s', 'idea.example.com'])
  expect([ours(made), edits()]).toEqual([[shown], 0])
  await move({ 'domains.yaml': site('other') })
  expect(ours(made)).toEqual([expect.stringContaining('conflicts with main in domains.yaml: merge main into it')])
  expect(edits()).toBe(1)
  expect(github.statuses.get(`${head} ${context} plan`)).toMatchObject({ state: 'failure' })
  expect([made.planned.length, await it.leftovers()]).toEqual([2, []])
})

test('while the server is on its way to main no plan is made, since it would show what main does', async () => {
  await using made = await scene()
  await propose(made, 7, site('idea'))
  made.isCalm = false
  expect(await made.report()).toBe('later')
  expect([ours(made), made.github.told]).toEqual([[], [expect.stringContaining('success')]])
  made.isCalm = true
  expect(await made.report()).toBe('done')
  expect(ours(made)).toHaveLength(1)
})

test('of many pull requests each gets its plan, no faster than GitHub allows; one that cannot be fetched keeps none waiting', async () => {
  let now = Date.now()
  const clock = { ...systemClock, now: () => new Date(now) }
  await using made = await scene({}, createPace(clock, { minute: 2, hour: 100 }))
  for (const number of [1, 2, 3, 4]) await propose(made, number, site(`idea${number}`))
  made.tooLarge = 'refs/pull/1/head'
  expect(await made.report()).toBe('later')
  const told = () => [1, 2, 3, 4].map(number => ours(made, number).length)
  expect(told()).toEqual([1, 1, 0, 0])
  expect(ours(made, 1)[0]).toContain('cannot be judged: what is new there has more than 64 MiB')
  expect(await made.report()).toBe('later')
  now += 60_000
  expect(await made.report()).toBe('done')
  expect(told()).toEqual([1, 1, 1, 1])
})

test('the newest 500 open pull requests are listed, page by page, and no more', async () => {
  await using github = startGitHubServer()
  const open = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ number: at, head: 'a'.repeat(40), repo: 'me/config', base: 'main' }))
  const client = createGitHub(
    { api: github.url, owner: 'me', repo: 'config' },
    { token: gitHubToken, clock: systemClock, pause: { until: 0 } },
  )
  github.pulls = open(230)
  expect(await client.pulls('main')).toHaveLength(230)
  expect(github.asked).toHaveLength(3)
  github.pulls = open(2_000)
  expect(await client.pulls('main')).toHaveLength(500)
  expect(github.asked).toHaveLength(8)
})

test('an app writes over its own comment, and never over one of a person that pretends to be it', async () => {
  await using made = await scene()
  const { github } = made
  github.isApp = true
  await propose(made, 7, site('idea'))
  const pretended = { id: 1, body: `<!-- ${context} plan --> nothing to change`, user: { login: 'eve', type: 'User' as const } }
  github.comments.set(7, [{ ...pretended }])
  await made.report()
  // What was said before a crash could write it down is found again.
  await postgres.store`DELETE FROM forge_report`
  await made.report()
  const said = github.comments.get(7) ?? []
  expect(said.map(({ user }) => user.login)).toEqual(['eve', 'app[bot]'])
  expect(said[0]).toEqual(pretended)
})

test('a pull request of a fork is left alone; where it is asked for, nothing in the world is looked at for it', async () => {
  await using made = await scene()
  await propose(made, 9, site('stranger'), 'eve/config')
  const said = () => (made.github.comments.get(9) ?? []).map(({ body }) => body).join('')
  await made.report()
  expect(said()).toBe('')
  await made.declare({ pull_requests: 'all' })
  await made.report()
  expect(said()).toContain('stranger.example.com')
  expect(made.planned).toEqual([])
})

test('GitHub that asks for patience is left alone until its time, and then told', async () => {
  for (const limit of [primaryLimit(120), secondaryLimit(60)]) {
    await using made = await scene()
    const { github, pause } = made
    github.answers.push(limit)
    await expect(made.report()).rejects.toThrow('GitHub asks for patience')
    expect(pause.until).toBeGreaterThan(Date.now() + 50_000)
    const asked = github.asked.length
    await expect(made.report()).rejects.toThrow('GitHub wants to be left alone for')
    expect(github.asked).toHaveLength(asked)
    pause.until = 0
    await made.report()
    expect(github.told).toHaveLength(1)
  }
})

test('GitHub that is broken is told later; one that gives no right is named with what to do', async () => {
  await using made = await scene()
  const { github } = made
  github.answers.push(broken)
  await expect(made.report()).rejects.toThrow('GitHub answers 502')
  github.mayWrite = false
  await expect(made.report()).rejects.toThrow('GitHub answers 403, as to whoever has no right')
  github.mayWrite = true
  await made.report()
  expect(github.told).toHaveLength(1)
})

test('only a repository on GitHub, with a token, is told anything', () => {
  const token = 'secret:TOKEN'
  const github = { api: 'https://api.github.com', owner: 'me', repo: 'config' }
  expect(gitHubAddress({ url: 'https://github.com/me/config.git', token })).toEqual(github)
  expect(gitHubAddress({ url: 'git@github.com:me/config.git', token })).toEqual(github)
  expect(gitHubAddress({ url: 'ssh://git@github.com:22/me/config', token })).toEqual(github)
  expect(gitHubAddress({ url: 'https://ghe.example.com/me/config', api: 'https://ghe.example.com/api/v3/', token })).toEqual({
    ...github,
    api: 'https://ghe.example.com/api/v3',
  })
  expect(gitHubAddress({ url: 'https://github.com/me/config.git' })).toBeUndefined()
  expect(gitHubAddress({ url: 'https://gitlab.com/me/config.git', token })).toBeUndefined()
  expect(gitHubAddress({ url: 'https://github.com.evil.example/me/config.git', token })).toBeUndefined()
})
