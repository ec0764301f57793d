import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { systemClock } from '../../../runtime/os/clock.ts'
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
import { createRigs, declared, git, type Rig, type Rigs, site } from '../testing/rig.ts'
import { gitHubAddress } from './address.ts'
import { createGitHub } from './client.ts'
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
  /** States whose world was looked at. */
  readonly planned: string[]
  report(): Promise<void>
}

/** A mirror of a repository on the test server, both the same. */
async function scene(more: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
  const it = await rigs.open({ secrets: { TOKEN: gitHubToken } })
  await postgres.store`DELETE FROM forge_report`
  const github = startGitHubServer()
  github.git = gitOverHttp(it.upstream, `x-access-token:${gitHubToken}`)
  await git(it.home.repository, 'push', '-q', it.upstream, 'main')
  await it.mirror.follow(declared(`${github.url}/me/config.git`, { token: 'secret:TOKEN', api: github.url, ...more }))
  await it.mirror.look()
  const made: Scene = {
    ...{ it, github, pause: { until: 0 }, planned: [] },
    outcome: { state: 'success', description: 'converged: 3 resources are as declared' },
    report: () => reportToGitHub(deps, { pulls: true }),
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]()
      await it[Symbol.asyncDispose]()
    },
  }
  const deps: ReportDeps = {
    ...{ mirror: it.mirror, head: it.repository.head, read: it.repository.read, reports: createReports(postgres.store), context },
    connect: async address => createGitHub(address, { token: gitHubToken, clock: systemClock, pause: made.pause }),
    outcome: () => made.outcome,
    async plan({ revision, domains }) {
      made.planned.push(revision)
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
  const revision = await (await it.person()).deliver({ 'domains.yaml': site('theirs') })
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
  const bad = await (await it.person()).deliver({ 'domains.yaml': 'domains:\n  blog.example.com: { rooot: x }\n' })
  await it.mirror.look()
  await made.report()
  expect(github.statuses.get(`${bad} ${context}`)).toMatchObject({
    state: 'failure',
    description: 'domains.yaml:2:23: unknown key "rooot"; did you mean "root"?',
  })
})

test('a pull request gets its plan as one comment, which follows its head, and nothing secret', async () => {
  await using made = await scene()
  const { it, github } = made
  const person = await it.person()
  const propose = async (text: string) => {
    await person.git('checkout', '-q', '-B', 'idea', 'origin/main')
    await Bun.write(`${person.path}/domains.yaml`, text)
    await person.git('commit', '-q', '-am', 'An idea')
    await person.git('push', '-q', '--force', 'origin', 'HEAD:refs/pull/7/head')
    const head = await person.git('rev-parse', 'HEAD')
    github.pulls = [{ number: 7, head, repo: 'me/config', base: 'main' }]
    return head
  }
  // Somebody else's words before ours, more than a page of them.
  github.comments.set(
    7,
    Array.from({ length: 130 }, (_, at) => ({
      id: 10_000 + at,
      body: `<!-- ${context} plan --> not ours`,
      user: { login: 'eve', type: 'User' as const },
    })),
  )
  const first = await propose(site('idea'))
  const before = await it.head()
  await made.report()
  await made.report()
  const ours = () => (github.comments.get(7) ?? []).filter(({ user }) => user.login === 'me')
  expect(ours().map(({ body }) => body)).toEqual([expect.stringContaining('+ site  idea.example.com  with [redacted]')])
  expect(github.statuses.get(`${first} ${context} plan`)?.state).toBe('success')
  const second = await propose('rubbish ~~~~ ``` @everybody')
  await made.report()
  expect(ours()).toHaveLength(1)
  expect(ours()[0]?.body).toContain(`would refuse ${second.slice(0, 8)}`)
  expect(github.statuses.get(`${second} ${context} plan`)).toMatchObject({ state: 'failure' })
  // What was said before a crash could write it down is found again.
  await postgres.store`DELETE FROM forge_report`
  await made.report()
  expect(ours()).toHaveLength(1)
  expect([await it.head(), await it.leftovers()]).toEqual([before, []])
  expect(github.wrong).toEqual([])
})

test('an app writes over its own comment, and never over one of a person that pretends to be it', async () => {
  await using made = await scene()
  const { it, github } = made
  github.isApp = true
  const person = await it.person()
  await Bun.write(`${person.path}/domains.yaml`, site('idea'))
  await person.git('commit', '-q', '-am', 'An idea')
  await person.git('push', '-q', 'origin', 'HEAD:refs/pull/7/head')
  github.pulls = [{ number: 7, head: await person.git('rev-parse', 'HEAD'), repo: 'me/config', base: 'main' }]
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
  for (const pull_requests of ['own', 'all']) {
    await using made = await scene({ pull_requests })
    const { it, github, planned } = made
    const person = await it.person()
    await Bun.write(`${person.path}/domains.yaml`, site('stranger'))
    await person.git('commit', '-q', '-am', 'From far away')
    await person.git('push', '-q', 'origin', 'HEAD:refs/pull/9/head')
    github.pulls = [{ number: 9, head: await person.git('rev-parse', 'HEAD'), repo: 'eve/config', base: 'main' }]
    await made.report()
    const said = (github.comments.get(9) ?? []).map(({ body }) => body).join('')
    if (pull_requests === 'own') expect(said).toBe('')
    else expect(said).toContain('stranger.example.com')
    expect(planned).toEqual([])
  }
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
