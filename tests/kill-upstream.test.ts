import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processFacts } from '../runtime/os/process.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { type Clone, cloneOf } from './support/clone.ts'
import { expectSound } from './support/soundness.ts'
import { until } from './support/until.ts'
import { withoutAgents } from './support/without-agents.ts'

setDefaultTimeout(180_000)

let appliance: Appliance
let here: Clone
let there: Clone
let folder: string
let upstream: string
const entry = join(import.meta.dir, 'support', 'up-killed-at.ts')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'up-'))
  upstream = join(folder, 'config.git')
  appliance = await createAppliance()
  await start()
  here = await appliance.clone()
  await here.ask('init', '-q', '--bare', '--initial-branch=main', upstream)
  await withoutAgents(appliance, here, { 'settings.yaml': mirrored() })
  there = await cloneOf(upstream, join(folder, 'there'))
}, 60_000)
afterAll(async () => {
  await appliance[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

// No look comes by itself but the one of a start.
const mirrored = () => `upstream: { url: "${upstream}", poll_seconds: 86400 }\n`
const at = (name: string) => join(appliance.home.root, name)
const headOf = async (repository: string) => (await readFile(join(repository, 'refs', 'heads', 'main'), 'utf8')).trim()
const headHere = () => headOf(appliance.home.repository)
const headThere = () => headOf(upstream)
const site = (name: string) => ({ 'domains.yaml': `domains:\n  ${name}.example.com: { root: ${name} }\n` })

/** A verb of the command line, as the route that it calls. */
const post = (path: string, body: object) =>
  fetch(`http://appliance/api/${path}`, {
    unix: appliance.home.apiSocket,
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })

const start = () => appliance.start({ entry, env: { KILL_KINDS: 'upstream' } })

interface Way {
  /** Sets the scene of a round, and gives what is then done. */
  readonly begin: (round: number) => Promise<() => Promise<unknown>>
  /** What holds after the death in it, and a start. */
  readonly check: (round: number) => Promise<void>
}

/** A round for each of these steps, at which the runtime kills itself; a start follows each. */
async function killAt({ begin, check }: Way, ...steps: readonly string[]): Promise<void> {
  for (const [round, step] of steps.entries()) {
    const act = await begin(round)
    await rm(at('steps'), { force: true })
    await writeFile(at('armed'), step)
    const acted = act().catch(() => {})
    await until(`it dies at ${step}`, () => processFacts(appliance.pid()) === undefined)
    await Promise.all([appliance.ended(), acted])
    await rm(at('armed'))
    await start()
    await check(round).catch(cause => {
      throw new Error(`after kill -9 at "${step}": ${cause instanceof Error ? cause.message : cause}`, { cause })
    })
  }
}

let heads = { ours: '', theirs: '' }

/** Each side has a commit that the other has not, and a person is asked; a choice that is still open is that again. */
async function diverge(round: number): Promise<void> {
  if (await isOpen()) return
  await Promise.all([here.reset(), there.reset()])
  await there.deliver(site(`theirs${round}`))
  const pushed = await here.deliver(site(`ours${round}`))
  if (!pushed.shown.includes('stalled upstream main')) throw new Error(pushed.shown)
  heads = { ours: pushed.revision, theirs: await headThere() }
}

/** Whether a person is still asked, with neither side changed. */
const isOpen = async () =>
  (await appliance.resource('upstream', 'main'))?.state === 'stalled' &&
  Bun.deepEquals(await Promise.all([headHere(), headThere()]), [heads.ours, heads.theirs])

/** Until the choice that was killed is made, or may be made again; says whether it is made. */
async function decided(): Promise<boolean> {
  const made = async () => (await headHere()) !== heads.ours
  await until('it is known how both stand', async () => (await made()) || (await isOpen()))
  return made()
}
const converged = () => until('both sides are the same', async () => (await headHere()) === (await headThere()))

/*
 * Every step of each of these ways is died at in reconcilers/upstream/killed.test.ts, by a runtime that has nothing but the
 * mirror. Here a whole appliance dies once at each kind of step, and what its other rooms make of that is looked at.
 */

test('kill -9 of the runtime while an upstream is declared, pushed to or forgotten: the next start goes on with it', async () => {
  const declare = (round: number, settings: string) => here.deliver({ ...site(`declared${round}`), 'settings.yaml': settings })
  // The last one of a kind goes only after an approval.
  const undeclare = async (round: number) => {
    const { shown } = await declare(round, '')
    const [, id = ''] = /approve ([0-9a-f]{12})/.exec(shown) ?? []
    return () => post(`approve/${id}`, {})
  }
  const isFollowed = async () => (await appliance.resource('upstream', 'main')) !== undefined
  const forgotten = () => until('it is forgotten', async () => !(await isFollowed())).then(() => {})
  await killAt({ begin: undeclare, check: forgotten }, 'forgotten')
  await killAt(
    {
      async begin(round) {
        if (await isFollowed()) await (await undeclare(round + 200))()
        await forgotten()
        return () => declare(round + 100, mirrored())
      },
      async check(round) {
        await converged()
        expect((await appliance.converged()).revision).toBe(await headThere())
        expect((await appliance.visit(`declared${round + 100}.example.com`)).status).toBe(200)
        expect(await appliance.resource('upstream', 'main')).toMatchObject({ state: 'ready' })
      },
    },
    'pushed',
  )
})

test('kill -9 of the runtime while a commit from the upstream is taken: the next start has it, and carries it out', async () => {
  await there.reset()
  await killAt(
    {
      async begin(round) {
        await there.deliver(site(`accepted${round}`))
        return () => post('upstream/fetch', {})
      },
      async check(round) {
        await converged()
        expect((await appliance.converged(await headThere())).revision).toBe(await headThere())
        expect((await appliance.visit(`accepted${round}.example.com`)).status).toBe(200)
      },
    },
    'accepted',
  )
})

test('kill -9 of the runtime while what is there is taken: the choice is still open, and what was here is archived once', async () => {
  await killAt(
    {
      async begin(round) {
        await diverge(round)
        return () => post('upstream/adopt', { head: heads.theirs })
      },
      async check() {
        expect(await decided()).toBe(false)
        await post('upstream/adopt', { head: heads.theirs })
        await appliance.converged()
        expect([await headHere(), await headThere()]).toEqual([heads.theirs, heads.theirs])
        const archived = ['for-each-ref', '--points-at', heads.ours, '--format=%(refname)', 'refs/archive/']
        const found = await here.ask('--git-dir', appliance.home.repository, ...archived)
        expect(found.split('\n')).toEqual([expect.stringContaining('refs/archive/main-')])
      },
    },
    'archived',
  )
})

test('kill -9 of the runtime while what is here is kept: both histories go there, joined once', async () => {
  await killAt(
    {
      async begin(round) {
        await diverge(round)
        return () => post('upstream/push', { main: heads.ours })
      },
      async check() {
        expect(await decided()).toBe(true)
        await converged()
        await appliance.converged()
        const both = await headThere()
        const parents = await here.ask('--git-dir', upstream, 'rev-parse', `${both}^1`, `${both}^2`)
        expect(parents).toBe(`${heads.ours}\n${heads.theirs}`)
      },
    },
    'recorded',
  )
})

test('after all of these deaths both repositories are whole, and each process runs once', async () => {
  for (const repository of [appliance.home.repository, upstream]) await here.ask('--git-dir', repository, 'fsck', '--strict')
  await expectSound(appliance, [])
})
