import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitOverHttp } from '../reconcilers/upstream/testing/git-http.ts'
import { type GitHubServer, gitHubToken, startGitHubServer } from '../reconcilers/upstream/testing/github-server.ts'
import { spawn, spawnChecked } from '../runtime/os/spawn.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { type Clone, cloneOf } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let ada: Clone
let folder: string
let upstream: string
let there: Clone
let github: GitHubServer
const token = { AI_INFRA_SECRET_GITHUB: gitHubToken }
const webhookSecret = 'the-webhook-secret-of-this-test'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'up-'))
  upstream = join(folder, 'config.git')
  appliance = await createAppliance()
  github = startGitHubServer()
  await appliance.start({ env: { AI_INFRA_SECRET_WEBHOOK: webhookSecret, ...token } })
  await appliance.converged()
  ada = await appliance.clone('ada')
  await ada.ask('init', '-q', '--bare', '--initial-branch=main', upstream)
  github.git = gitOverHttp(upstream, `x-access-token:${gitHubToken}`)
}, 60_000)
afterAll(async () => {
  await appliance[Symbol.asyncDispose]()
  await github[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

const site = (name: string) => `domains:\n  ${name}.example.com: { root: ${name} }\n`
const statusOf = (revision: string) => github.statuses.get(`${revision} ai-infra/${hostname()}`)
const headThere = () => ada.ask('--git-dir', upstream, 'rev-parse', 'main')
const headHere = () => ada.ask('--git-dir', appliance.home.repository, 'rev-parse', 'main')

const send = (body: string, headers: Record<string, string>) =>
  fetch(`http://127.0.0.1:${appliance.ports.portal}/hooks/upstream`, {
    method: 'POST',
    body,
    headers: { 'x-github-event': 'push', ...headers },
  })

const signed = (body: string, secret = webhookSecret) => ({
  'x-hub-signature-256': `sha256=${new Bun.CryptoHasher('sha256', secret).update(body).digest('hex')}`,
})

test('an empty upstream gets what is here, and the pusher reads it', async () => {
  await ada.write({
    'settings.yaml': `upstream:\n  url: ${github.url}/me/config.git\n  token: secret:GITHUB\n  api: ${github.url}\n  webhook_secret: secret:WEBHOOK\nlook_interval_seconds: 5\n`,
  })
  const pushed = await ada.deliver({ 'domains.yaml': site('first') })
  expect(pushed.accepted).toBe(true)
  expect(pushed.shown).toMatch(/\+ upstream main created: mirror main with \S+ \(\d+ ms\)/)
  expect(await headThere()).toBe(pushed.revision)
  expect(await appliance.resource('upstream', 'main')).toMatchObject({ state: 'ready' })
  await until('GitHub is told', () => statusOf(pushed.revision)?.state === 'success')
  there = await cloneOf(upstream, join(folder, 'there'))
})

test('a commit there is on the server after a signed webhook; one with a wrong signature, and one again, do nothing', async () => {
  await there.write({ 'domains.yaml': site('second') })
  const revision = await there.commit()
  await there.ask('push', '-q', 'origin', 'HEAD:main')
  const body = JSON.stringify({ ref: 'refs/heads/main', commits: [], after: revision })
  const before = await headHere()
  const wrong = await send(body, signed(body, 'guessed'))
  expect([wrong.status, await wrong.text()]).toEqual([401, 'This is not signed.\n'])
  expect(await headHere()).toBe(before)
  expect((await send(body, signed(body))).status).toBe(202)
  await until('it is here', async () => (await headHere()) === revision)
  await appliance.converged(revision)
  expect((await appliance.visit('second.example.com')).status).toBe(200)
  expect((await send(body, signed(body))).status).toBe(409)
  const foreign = JSON.stringify({ ref: 'refs/heads/main', commits: [], repository: { full_name: 'eve/other' } })
  expect(await (await send(foreign, signed(foreign))).text()).toBe('That repository is not mirrored.\n')
  const said = await appliance.command('upstream', 'status')
  expect([said.code, said.out.split('\n')[0]]).toEqual([0, 'Both sides are the same.'])
})

test('a flood of webhooks is a few looks, and then it is refused', async () => {
  const bodies = Array.from({ length: 80 }, (_, at) => JSON.stringify({ ref: 'refs/heads/main', commits: [], at }))
  const statuses = await Promise.all(bodies.map(async body => (await send(body, signed(body))).status))
  expect(new Set(statuses)).toEqual(new Set([202, 429]))
  expect(statuses.filter(status => status === 202).length).toBeLessThanOrEqual(61)
})

test('a bad commit there is told with its mistakes, and the server stays as it was', async () => {
  const before = await headHere()
  await there.write({ 'domains.yaml': 'domains:\n  third.example.com: { rooot: x }\n' })
  const bad = await there.commit()
  await there.ask('push', '-q', 'origin', 'HEAD:main')
  const said = await appliance.command('upstream', 'fetch')
  expect(said.code).toBe(1)
  expect(said.out).toContain('domains.yaml:2:24: unknown key "rooot"; did you mean "root"?')
  expect((await appliance.command('status')).out).toContain('did you mean "root"?')
  await until('GitHub is told', () => statusOf(bad)?.state === 'failure')
  expect(statusOf(bad)?.description).toBe('domains.yaml:2:24: unknown key "rooot"; did you mean "root"?')
  expect(await headHere()).toBe(before)
  expect((await appliance.visit('second.example.com')).status).toBe(200)
  await there.deliver({ 'domains.yaml': site('third') })
  expect((await appliance.command('upstream', 'fetch')).code).toBe(0)
  await appliance.converged()
  expect((await appliance.visit('second.example.com')).status).toBe(404)
})

test('of two commits at the same time neither is lost, the server goes on, and either can be chosen', async () => {
  await ada.ask('fetch', '-q')
  await ada.reset()
  await there.deliver({ 'domains.yaml': site('theirs') })
  const pushed = await ada.deliver({ 'domains.yaml': site('ours') })
  expect(pushed.shown).toContain('stalled upstream main')
  expect((await appliance.visit('ours.example.com')).status).toBe(200)
  const status = await appliance.command('upstream', 'status')
  const [adopt, keep] = [...status.out.matchAll(/(upstream (?:adopt|push) [0-9a-f]{8})/g)].map(([, words = '']) =>
    words.split(' '),
  )
  expect((await appliance.command(...(keep ?? []))).code).toBe(0)
  expect(await headThere()).toBe(await headHere())
  expect((await appliance.command(...(adopt ?? []))).error).toContain('look again, and choose then')
})

test('while the upstream is away what drifts is put back and a push is carried out; when it is back it gets what it has missed', async () => {
  await ada.reset()
  const before = await headThere()
  const { git } = github
  github.git = async () => new Response('', { status: 503 })
  const pushed = await ada.deliver({ 'domains.yaml': site('alone') })
  expect([pushed.accepted, (await appliance.visit('alone.example.com')).status]).toEqual([true, 200])
  const sites = join(appliance.home.nginx, 'current', 'sites.conf')
  const whole = await readFile(sites, 'utf8')
  await truncate(sites)
  await until('it is put back', async () => (await readFile(sites, 'utf8').catch(() => '')) === whole)
  await until('it is served', async () => (await appliance.visit('alone.example.com')).status === 200)
  expect((await appliance.resource('upstream', 'main'))?.state).not.toBe('ready')
  expect(await headThere()).toBe(before)
  github.git = git
  await appliance.command('upstream', 'fetch')
  await until('it has what it has missed', async () => (await headThere()) === pushed.revision)
})

test('a commit that did not come by push, but through the door, goes there as well, with its author', async () => {
  const added = await appliance.command('domain', 'add', 'door.example.com', '--root', 'door')
  expect([added.error, added.code]).toEqual(['', 0])
  await until('it is there', async () => (await headThere()) === (await headHere()))
  expect(await ada.ask('--git-dir', upstream, 'show', 'main:domains.yaml')).toContain('door.example.com')
})

test('a commit from there that names another upstream waits for an approval here, and the one that is followed stays', async () => {
  const other = join(folder, 'other.git')
  await ada.ask('init', '-q', '--bare', '--initial-branch=main', other)
  await there.reset()
  const settings = await there.read('settings.yaml')
  await there.deliver({ 'settings.yaml': `upstream: { url: "${other}" }\n` })
  await appliance.command('upstream', 'fetch')
  await until('it is held', async () => (await appliance.resource('upstream', 'main'))?.state === 'held')
  expect((await appliance.command('status')).out).toContain(
    `it takes main from another place: ${github.url}/me/config.git becomes ${other}`,
  )
  // What is pushed here goes where it went, and what is good there goes on.
  await ada.reset()
  await ada.deliver({ 'domains.yaml': `${site('meanwhile')}${(await ada.read('domains.yaml')).replace('domains:\n', '')}` })
  await until('it has what is here', async () => (await headThere()) === (await headHere()))
  await there.reset()
  await there.deliver({ 'settings.yaml': settings })
  expect((await appliance.command('upstream', 'fetch')).code).toBe(0)
  await appliance.converged()
  expect(await appliance.resource('upstream', 'main')).toMatchObject({ state: 'ready' })
  expect((await ada.ask('--git-dir', other, 'for-each-ref')).trim()).toBe('')
})

test('who may sign stays as it was until a commit that asks for no signature any more is approved here', async () => {
  await ada.reset()
  const before = await headHere()
  const key = join(folder, 'ann')
  await spawnChecked(spawn, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'ann', '-f', key])
  const settings = `${await ada.read('settings.yaml')}allowed_signers:\n  ann: { ssh: "${(await readFile(`${key}.pub`, 'utf8')).trim()}" }\n`
  expect((await ada.deliver({ 'settings.yaml': settings })).accepted).toBe(true)
  await appliance.converged()
  expect(await appliance.resource('signer', 'ann')).toMatchObject({ state: 'ready' })
  expect((await ada.deliver({})).shown).toContain('main takes signed commits only (allowed_signers of settings.yaml')
  await ada.reset()
  await appliance.command('rollback', before)
  await until('it is held', async () => (await appliance.resource('signer', 'ann'))?.state === 'held')
  await ada.reset()
  expect((await ada.deliver({})).shown).toContain('main takes signed commits only (allowed_signers that are in force)')
  await ada.reset()
  const [, id = ''] = /approve ([0-9a-f]{12})/.exec((await appliance.command('status')).out) ?? []
  expect((await appliance.command('approve', id)).error).toBe('')
  await until('it is through', async () => (await appliance.resource('signer', 'ann')) === undefined)
  expect((await ada.deliver({})).accepted).toBe(true)
  await until('it is there', async () => (await headThere()) === (await headHere()))
})

test('a fresh server becomes the old one in one step, which asks for the token that it does not have', async () => {
  await using fresh = await createAppliance()
  await fresh.start()
  await fresh.converged()
  const url = `${github.url}/me/config.git`
  const adopted = await fresh.commandWith(gitHubToken, 'upstream', 'adopt', '--url', url, '--token', 'secret:GITHUB')
  expect([adopted.out.split('\n')[0], adopted.error]).toEqual([
    expect.stringMatching(/^main is [0-9a-f]{8} now, as it is there; what was main is kept as refs\/archive\/main-/),
    '',
  ])
  await fresh.converged()
  expect((await fresh.visit('door.example.com')).status).toBe(200)
  expect(await fresh.resource('upstream', 'main')).toMatchObject({ state: 'ready' })
  expect(github.wrong).toEqual([])
}, 120_000)

test('a webhook reaches the server through the portal of the internet', async () => {
  await ada.ask('pull', '-q', '--rebase', 'origin', 'main')
  const portal = `${await ada.read('domains.yaml')}  portal.example.com: { portal: true, tls: self-signed }\n`
  const { revision } = await ada.deliver({ 'domains.yaml': portal })
  await appliance.converged(revision)
  await there.ask('pull', '-q', '--ff-only')
  await there.write({ 'domains.yaml': `${portal}  fourth.example.com: { root: fourth }\n` })
  const theirs = await there.commit()
  await there.ask('push', '-q', 'origin', 'HEAD:main')
  const body = JSON.stringify({ ref: 'refs/heads/main', commits: [], after: theirs })
  const answer = await fetch(`https://127.0.0.1:${appliance.ports.https}/hooks/upstream`, {
    method: 'POST',
    body,
    headers: { host: 'portal.example.com', 'x-github-event': 'push', ...signed(body) },
    tls: { rejectUnauthorized: false, serverName: 'portal.example.com' },
  })
  expect(answer.status).toBe(202)
  await until('it is here', async () => (await headHere()) === theirs)
})
