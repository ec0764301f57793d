import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { processTree } from '../runtime/os/process.ts'
import { type Appliance, startedAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { expectSound } from './support/soundness.ts'
import { visitSteadily } from './support/steady-visitor.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let clone: Clone
let sites = 0

beforeAll(async () => {
  appliance = await startedAppliance()
  clone = await appliance.clone()
  await appliance.converged((await clone.deliver({ 'domains.yaml': 'domains:\n  keep.example.com: { root: keep }\n' })).revision)
}, 60_000)
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

const agents = ['supervisor', 'code', 'data', 'infra', 'research', 'qa']

const service = async (name: string) => {
  const found = (await appliance.services()).find(one => one.name === name)
  if (found?.pid === undefined) throw new Error(`${name} does not run: ${JSON.stringify(found)}`)
  return { ...found, pid: found.pid }
}

/** Kills it and waits for the next one. */
async function killService(name: string): Promise<void> {
  const before = await service(name)
  process.kill(before.pid, 'SIGKILL')
  await until(`${name} runs again`, async () => {
    const now = (await appliance.services()).find(one => one.name === name)
    return now?.state === 'ready' && now.pid !== undefined && now.pid !== before.pid
  })
  expect(await appliance.events()).toMatch(new RegExp(`service ${name} .*SIGKILL`))
}

/** All is as it was, also for the next push. */
async function expectRecovered(): Promise<void> {
  const name = `after${++sites}`
  const { accepted, revision, shown } = await clone.deliver({
    'domains.yaml': `${await clone.read('domains.yaml')}  ${name}.example.com: { root: ${name} }\n`,
  })
  expect({ accepted, shown }).toMatchObject({ accepted: true })
  expect(await appliance.converged(revision)).toMatchObject({ revision })
  expect((await appliance.visit(`${name}.example.com`)).status).toBe(200)
  expect((await appliance.visit('keep.example.com')).status).toBe(200)
  await expectSound(appliance, agents)
}

for (const name of ['postgres', 'redis']) {
  test(`kill -9 of ${name} is healed, told, and no visitor of a site notices`, async () => {
    const leave = visitSteadily(appliance, 'keep.example.com')
    await killService(name)
    await expectRecovered()
    expect(await leave()).toMatchObject({ failures: [] })
  })
}

test('kill -9 of nginx is healed and told', async () => {
  await killService('nginx')
  await expectRecovered()
})

test('kill -9 of a worker of nginx is healed by its master, which stays', async () => {
  const { pid } = await service('nginx')
  const workers = () => processTree(pid).filter(one => one.parent !== pid && one.pid !== pid)
  const before = workers()
  expect(before.length).toBeGreaterThan(0)
  for (const worker of before) process.kill(worker.pid, 'SIGKILL')
  await until('other workers answer', () => workers().some(one => before.every(old => old.pid !== one.pid)))
  expect((await service('nginx')).pid).toBe(pid)
  await expectRecovered()
})

test('kill -9 of the tmux server: every window is there again, once, in its order, and the runs say why', async () => {
  const leave = visitSteadily(appliance, 'keep.example.com')
  await killService('tmux')
  await until('all windows are there', async () => (await appliance.windows()).length === agents.length + 2)
  await appliance.converged()
  for (const name of agents) {
    const runs = await appliance.runs('agent', name)
    expect(runs[0]).toMatchObject({ outcome: 'verified', summary: 'open its window again: it was gone' })
  }
  await expectRecovered()
  expect(await leave()).toMatchObject({ failures: [] })
})

/** Until another process than this one is in the window. */
const replaced = (name: string, before: number | undefined, milliseconds?: number) =>
  until(
    `${name} has a process again`,
    async () => {
      const now = (await appliance.panes()).get(name)
      return now !== undefined && now !== before
    },
    milliseconds,
  )

test('a window that somebody kills is opened again in its place, and the run says so', async () => {
  const before = (await appliance.panes()).get('data')
  await appliance.tmux('kill-window', '-t', '=ai-infrastructure:=data')
  await replaced('data', before)
  await appliance.converged()
  expect((await appliance.runs('agent', 'data'))[0]).toMatchObject({
    trigger: 'watch',
    outcome: 'verified',
    summary: 'open its window again: it was gone',
  })
  await expectSound(appliance, agents)
})

test('an agent whose process is killed is started again in its window, and the run says so', async () => {
  const before = (await appliance.panes()).get('research') ?? 0
  process.kill(before, 'SIGKILL')
  await replaced('research', before)
  await appliance.converged()
  expect((await appliance.runs('agent', 'research'))[0]).toMatchObject({
    trigger: 'watch',
    outcome: 'verified',
    summary: 'start it again: its process ended',
  })
  expect(await appliance.events()).toContain('agent research replaced')
  await expectSound(appliance, agents)
})

/** Takes all processors; tmux below 3.5 then misses every third death of an agent. */
function busyMachine(): Disposable {
  const burners = Array.from({ length: 6 }, () => Bun.spawn([process.execPath, '-e', 'for (;;);']))
  return {
    [Symbol.dispose]() {
      for (const burner of burners) burner.kill('SIGKILL')
    },
  }
}

test('also on a busy machine no killed agent waits for the next periodic look', async () => {
  using _ = busyMachine()
  for (const name of ['code', 'data', 'infra', 'qa', 'supervisor']) {
    const before = (await appliance.panes()).get(name) ?? 0
    process.kill(before, 'SIGKILL')
    await replaced(name, before, 15_000)
    await appliance.converged()
    expect((await appliance.runs('agent', name))[0]).toMatchObject({ trigger: 'watch', outcome: 'verified' })
  }
}, 120_000)
