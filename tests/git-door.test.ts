import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ModelServer, startModelServer } from '../agents/testing/model-server.ts'
import { held, say } from '../agents/testing/steps.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let ada: Clone
let bob: Clone
let model: ModelServer

beforeAll(async () => {
  model = startModelServer()
  appliance = await createAppliance()
  await appliance.start({ env: { ANTHROPIC_API_KEY: 'sk-test', ANTHROPIC_BASE_URL: model.url } })
  await appliance.converged()
  ada = await appliance.clone('ada')
  bob = await appliance.clone('bob')
}, 60_000)
afterAll(async () => {
  await appliance[Symbol.asyncDispose]()
  await model.stop()
}, 60_000)

const main = () => ada.ask('--git-dir', appliance.home.repository, 'rev-parse', 'main')
const site = (name: string) => `  ${name}.example.com: { root: ${name} }\n`
const addSite = async (clone: Clone, name: string) =>
  clone.write({ 'domains.yaml': `${await clone.read('domains.yaml')}${site(name)}` })
const level = async (clone: Clone, agent: string, to: number) => {
  const agents = await clone.read('agents.yaml')
  await clone.write({ 'agents.yaml': agents.replace(new RegExp(`(  ${agent}:\n    level: )\\d`), `$1${to}`) })
}

/** Gives an agent something to do that takes until it is let go, so that its replacement has to wait for it. */
async function busy(agent: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const asked = model.calls.length
  model.reply(() => held(promise, say('One moment. ', 'Done.')))
  await fetch('http://agent/agent/utterances', {
    unix: join(appliance.home.agentSockets, `${agent}.sock`),
    method: 'POST',
    body: JSON.stringify({ text: 'Take your time.' }),
  })
  await until(`${agent} thinks`, () => model.calls.length > asked)
  return resolve
}

test('of two authors the later one is told to fetch first, and loses nothing', async () => {
  await addSite(ada, 'ada')
  await ada.commit()
  expect((await ada.push()).accepted).toBe(true)
  await bob.write({ 'TELOS/mission.md': 'To be two.\n' })
  await bob.commit()
  const late = await bob.push()
  expect(late.accepted).toBe(false)
  expect(late.shown).toContain('fetch first')
  await bob.ask('pull', '-q', '--rebase', 'origin', 'main')
  expect((await bob.push()).accepted).toBe(true)
  expect((await appliance.visit('ada.example.com')).status).toBe(200)
})

test('of two pushes at the same moment one wins, whole, and the server is what it says', async () => {
  await Promise.all([ada.reset(), bob.reset()])
  await Promise.all([addSite(ada, 'first'), addSite(bob, 'second')])
  await Promise.all([ada.commit(), bob.commit()])
  const pushes = await Promise.all([ada.push(), bob.push()])
  const [winner, ...others] = pushes.filter(({ accepted }) => accepted)
  expect(others).toEqual([])
  const loser = pushes.find(({ accepted }) => !accepted)
  // By when it noticed: while it was judged, before anything was sent, or only when Git moved the branch.
  expect(loser?.shown).toMatch(/git pull --rebase|fetch first|cannot lock ref 'refs\/heads\/main': is at/)
  expect(await main()).toBe(winner?.revision ?? 'nobody won')
  await appliance.converged(winner?.revision)
  const answers = await Promise.all(['first', 'second'].map(async name => (await appliance.visit(`${name}.example.com`)).status))
  expect(answers).toEqual(pushes.map(({ accepted }) => (accepted ? 200 : 404)))
})

test('a push while the last one is still converging takes over: the newer wins, and each terminal says so', async () => {
  await ada.reset()
  const goOn = await busy('research')
  try {
    await level(ada, 'research', 2)
    await ada.commit()
    const older = await ada.startPush()
    await until('the older push is accepted', async () => (await main()) === (await ada.ask('rev-parse', 'HEAD')))
    await addSite(ada, 'newer')
    await ada.commit()
    const newer = await ada.startPush()
    const overtaken = await older.done()
    expect(overtaken.remote.at(-1)).toBe(`a newer commit took over: ${(await main()).slice(0, 8)}`)
    await until('the newer site answers', async () => (await appliance.visit('newer.example.com')).status === 200)
    goOn()
    expect((await newer.done()).remote.at(-1)).toMatch(/^converged to /)
    expect((await appliance.runs('agent', 'research'))[0]).toMatchObject({ outcome: 'verified', trigger: 'commit' })
  } finally {
    goOn()
  }
})

test('a client that hangs up stops nothing', async () => {
  await ada.reset()
  const goOn = await busy('data')
  try {
    await level(ada, 'data', 2)
    await addSite(ada, 'alone')
    const revision = await ada.commit()
    const push = await ada.startPush()
    await until('the push is accepted', async () => (await main()) === revision)
    await push.hangUp()
    goOn()
    expect(await appliance.converged(revision)).toMatchObject({ revision })
    expect((await appliance.visit('alone.example.com')).status).toBe(200)
  } finally {
    goOn()
  }
})

test('locks that a killed Git left behind refuse nobody, neither a push nor a rollback', async () => {
  await ada.reset()
  const plant = async () => {
    for (const name of ['HEAD.lock', 'refs/heads/main.lock']) {
      const path = join(appliance.home.repository, name)
      await writeFile(path, '')
      await utimes(path, new Date(), new Date(Date.now() - 120_000))
    }
  }
  await plant()
  await addSite(ada, 'unlocked')
  await ada.commit()
  expect(await ada.push()).toMatchObject({ accepted: true })
  await plant()
  expect((await appliance.command('rollback', 'HEAD~1')).code).toBe(0)
})

test('main is never rewritten and never deleted', async () => {
  await ada.reset()
  const before = { head: await main(), status: await appliance.status() }
  await ada.ask('reset', '-q', '--hard', 'HEAD~1')
  await ada.write({ 'TELOS/mission.md': 'Another past.\n' })
  await ada.commit()
  const forced = await ada.push('--force', 'origin', 'HEAD:main')
  expect(forced.accepted).toBe(false)
  expect(forced.remote).toEqual([
    'main cannot be rewritten, it only moves forward: git pull --rebase, then push again; to go back, git revert',
    'Refused: nothing on the server has changed.',
  ])
  const deleted = await ada.push('origin', ':main')
  expect(deleted.accepted).toBe(false)
  expect(deleted.remote[0]).toBe('main cannot be deleted: it is what the server should be')
  expect({ head: await main(), status: await appliance.status() }).toEqual(before)
})

test('a push of several branches is accepted or refused as one', async () => {
  await ada.reset()
  const before = await main()
  await addSite(ada, 'good')
  await ada.commit()
  await ada.ask('branch', '-f', 'good')
  await ada.write({ 'settings.yaml': 'tls: maybe\n' })
  await ada.commit()
  await ada.ask('branch', '-f', 'bad')
  const both = await ada.push('origin', 'good:main', 'bad:bad')
  expect(both.accepted).toBe(false)
  expect(both.remote[1]).toBe('settings.yaml:1:6: tls must be none, self-signed or acme, and is "maybe"')
  expect(await main()).toBe(before)
})

test('without the appliance a push is still judged, and what was accepted is reached at the next start', async () => {
  await ada.reset()
  expect(await appliance.end('SIGINT')).toBe(0)
  const before = await main()
  const bad = await ada.deliver({ 'domains.yaml': 'domains:\n  Night.example.com: { root: night }\n' })
  expect(bad.accepted).toBe(false)
  expect(bad.remote).toContain('domains.yaml:2:3: "Night.example.com" has capital letters: write night.example.com')
  expect(await main()).toBe(before)
  await ada.reset()
  await addSite(ada, 'night')
  await ada.commit()
  const good = await ada.push()
  expect(good).toMatchObject({ accepted: true })
  expect(good.remote).toEqual([
    'valid; the appliance is not running, so there is no plan to show',
    'accepted; it will be converged when the appliance starts',
  ])
  await appliance.start()
  expect(await appliance.converged(good.revision)).toMatchObject({ revision: good.revision })
  expect((await appliance.visit('night.example.com')).status).toBe(200)
})
