import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { systemClock } from '../../../runtime/os/clock.ts'
import { startTestStore, type TestStore } from '../../../runtime/store/testing/postgres.ts'
import { gitOverHttp } from '../testing/git-http.ts'
import { context, openScene } from '../testing/github-scene.ts'
import { broken, gitHubToken, primaryLimit, secondaryLimit, startGitHubServer } from '../testing/github-server.ts'
import { createRigs, type Rigs, site } from '../testing/rig.ts'
import { gitHubAddress } from './address.ts'
import { createGitHub } from './client.ts'

setDefaultTimeout(120_000)

let postgres: TestStore
let rigs: Rigs
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
}, 60_000)
const scene = () => openScene(rigs, postgres.store)
afterAll(async () => {
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
}, 60_000)

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
    // A clock that was ahead when it asked, and is set right since.
    pause.until = Date.now() + 365 * 86_400_000
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
