import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { systemClock } from '../../../runtime/os/clock.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { startTestStore, type TestStore } from '../../../runtime/store/testing/postgres.ts'
import { context, openScene, ours, propose, type Scene, type SceneOptions } from '../testing/github-scene.ts'
import { createRigs, type Rigs, site } from '../testing/rig.ts'

setDefaultTimeout(120_000)

let postgres: TestStore
let rigs: Rigs
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
}, 60_000)
const scene = (options: SceneOptions = {}) => openScene(rigs, postgres.store, {}, options)
afterAll(async () => {
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
}, 60_000)

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

/** A clock that a test moves. */
function movable() {
  let now = Date.now()
  return { clock: { ...systemClock, now: () => new Date(now) }, pass: (seconds: number) => (now += seconds * 1_000) }
}
const minute = (plans: number) => ({ minute: plans, hour: 100 })
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1)
const told = (made: Scene, count: number) => numbers(count).filter(number => ours(made, number).length > 0)
const beside = ({ github }: Scene, number: number) =>
  github.statuses.get(`${github.pulls.find(pull => pull.number === number)?.head} ${context} plan`)

test('of many pull requests each gets its plan, no faster than GitHub allows; those that wait read that, and one that is too large is refused', async () => {
  const { clock, pass } = movable()
  await using made = await scene({ clock, plans: minute(2) })
  for (const number of numbers(4)) await propose(made, number, site(`idea${number}`))
  made.broken.set('refs/pull/1/head', new ApplianceError('stalled', 'what is new there has more than 64 MiB'))
  expect(await made.report()).toBe('later')
  expect(told(made, 4)).toEqual([1, 2])
  expect(ours(made, 1)[0]).toContain('cannot be judged: what is new there has more than 64 MiB')
  expect(beside(made, 4)).toMatchObject({ state: 'pending', description: expect.stringContaining('its plan comes later') })
  const said = made.github.told.length
  expect(await made.report()).toBe('later')
  expect(made.github.told).toHaveLength(said)
  pass(60)
  expect(await made.report()).toBe('done')
  expect(told(made, 4)).toEqual([1, 2, 3, 4])
  expect([beside(made, 4)?.state, made.github.wrong]).toEqual(['success', []])
})

test('20 pull requests that cannot be fetched cost the others nothing, and each is asked again only after a while, later each time', async () => {
  const { clock, pass } = movable()
  await using made = await scene({ clock, plans: minute(1) })
  for (const number of numbers(20)) {
    made.github.pulls.push({ number, head: String(number).padStart(40, '0'), repo: 'me/config', base: 'main' })
    made.broken.set(`refs/pull/${number}/head`, new ApplianceError('failed', 'Git said nothing'))
  }
  await propose(made, 21, site('idea21'))
  const tries = () => made.fetched.splice(0).filter(ref => made.broken.has(ref)).length
  expect([await made.report(), await made.report()]).toEqual(['later', 'later'])
  expect([told(made, 22), tries()]).toEqual([[21], 20])
  expect(beside(made, 1)).toMatchObject({ state: 'pending', description: 'it is tried again by itself: Git said nothing' })
  // Another has come by the time that the bad ones are tried again: it comes before.
  pass(90)
  await propose(made, 22, site('idea22'))
  await made.report()
  expect([told(made, 22), tries()]).toEqual([[21, 22], 0])
  pass(60)
  await made.report()
  expect(tries()).toBe(20)
  pass(100)
  await made.report()
  expect(tries()).toBe(0)
  // A new commit is not made to wait for the old one.
  made.broken.delete('refs/pull/1/head')
  await propose(made, 1, site('better'))
  await made.report()
  expect(told(made, 20)).toEqual([1])
})

test('a pull request over which something breaks in the server itself stops none of the others, and its words stay inside', async () => {
  await using made = await scene()
  for (const number of [1, 2]) await propose(made, number, site(`idea${number}`))
  made.breaks.add('idea1.example.com')
  expect(await made.report()).toBe('later')
  expect([told(made, 2), beside(made, 1)?.description]).toEqual([
    [2],
    'it is tried again by itself: the server cannot look at it',
  ])
})

test('when main moves, the pull request whose plan is oldest comes next, after those that have none', async () => {
  const { clock, pass } = movable()
  await using made = await scene({ clock, plans: minute(2) })
  for (const number of numbers(3)) {
    await propose(made, number, site(`idea${number}`))
    await made.report()
    pass(60)
  }
  await made.it.there({ 'settings.yaml': 'look_interval_seconds: 40\n' })
  await made.it.mirror.look()
  await propose(made, 4, site('idea4'))
  made.fetched.splice(0)
  await made.report()
  expect(made.fetched).toEqual([4, 1].map(number => `refs/pull/${number}/head`))
})
