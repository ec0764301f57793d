import { beforeEach, expect, test } from 'bun:test'
import type { DesiredState } from '../../desired-state/state.ts'
import { systemClock } from '../../runtime/os/clock.ts'
import { newHoldId } from './hold.ts'
import type { EndedHold } from './journal.ts'
import type { Hold } from './status.ts'
import { createTargets, type TargetDependencies, type Targets } from './target.ts'
import { createKinds, everything } from './testing/kinds.ts'
import { createHistory } from './testing/world.ts'

/** A journal in memory, whose answer to an approval can get lost. */
let written: { held: Hold | undefined; ended: Map<string, EndedHold>; moved: Map<string, string> }
let answers: 'at once' | 'never, and it is written' | 'never, and nothing is written'
let accepted: Map<string, string>
let history: ReturnType<typeof createHistory>
let approved: string[]
let unanswered: string[]
let held: string[]
const forgotten = new Map<string, DesiredState>()
let targets: Targets
const { reconcilers } = createKinds()

const journal: TargetDependencies['journal'] = {
  accept: async (kind, revision) => void written.moved.set(kind, revision),
  async hold(hold) {
    if (written.held) end(written.held, undefined)
    written.held = hold
  },
  endedHold: async id => written.ended.get(id),
  async approve(hold, kinds, by) {
    if (written.held?.digest !== hold.digest) return false
    if (answers === 'never, and nothing is written') throw new Error('the connection is gone')
    end(hold, by)
    written.held = undefined
    for (const kind of kinds) written.moved.set(kind, hold.revision)
    if (answers === 'never, and it is written') throw new Error('the connection is gone')
    return true
  },
}
const end = ({ id, revision }: Hold, approvedBy: string | undefined) =>
  written.ended.set(id, { revision, endedAt: new Date(), approvedBy })

const headOf = (things: Record<string, string>) => {
  const state = history.at(history.commit(things))
  if (state === undefined) throw new Error('no commit')
  return state
}

async function heldAt(things: Record<string, string>): Promise<string> {
  const head = headOf(things)
  for (const reconciler of reconcilers) await targets.choose(reconciler, head)
  return targets.held()?.id ?? 'nothing is held'
}

beforeEach(() => {
  history = createHistory()
  ;[written, approved, unanswered, held] = [{ held: undefined, ended: new Map(), moved: new Map() }, [], [], []]
  answers = 'at once'
  const { revision } = headOf(everything)
  accepted = new Map(['site', 'record', 'zone', 'archive'].map(kind => [kind, revision]))
  targets = createTargets(
    {
      ...{ reconcilers, journal, accepted, clock: systemClock, redact: text => text, newId: newHoldId, command: 'ai-infra' },
      ...{ read: async at => history.at(at) ?? forgotten.get(at), head: history.last, main: () => history.last()?.revision },
      events: {
        moved: () => {},
        held: ({ id }, again) => held.push(`${id}${again ? ' again' : ''}`),
        approved: (_, by) => approved.push(by),
        unanswered: ({ id }) => unanswered.push(id),
      },
    },
    undefined,
  )
})

test('what a commit would take away beyond what was shown is held again under another ID, and never let through', async () => {
  const id = await heldAt({ 'archive/p': '1', 'archive/q': '1', 'zone/x': '1' })
  expect(targets.held()?.kinds.map(({ kind }) => kind)).toEqual(['site', 'record', 'certificate', 'zone'])
  // A kind was on its way to another commit while this one was shown, and has more to lose by now.
  accepted.set('archive', headOf({ ...everything, 'archive/r': '1', 'archive/s': '1', 'archive/t': '1' }).revision)
  const now = headOf({ 'archive/p': '1', 'archive/q': '1', 'zone/x': '1' })
  await targets.look()
  const second = targets.held()?.id ?? ''
  expect(targets.held()).toMatchObject({
    revision: now.revision,
    kinds: expect.arrayContaining([expect.objectContaining({ kind: 'archive' })]),
  })
  expect([second === id, (await targets.approve(id, 'ada')).outcome, approved]).toEqual([false, 'replaced', []])
  // The same again, behind the back of what is shown.
  const other = headOf({ ...everything, 'archive/u': '1', 'archive/v': '1' })
  forgotten.set('elsewhere', { ...other, revision: 'elsewhere' })
  accepted.set('archive', 'elsewhere')
  history.back()
  const refused = await targets.approve(second, 'ada')
  expect(refused).toMatchObject({
    outcome: 'replaced',
    message: expect.stringContaining('would do something else by now than was shown'),
  })
  expect(refused).toMatchObject({ hint: expect.stringContaining(targets.held()?.id ?? '') })
  expect(held).toEqual([id, second, `${targets.held()?.id} again`])
  expect([accepted.get('site') === now.revision, approved]).toEqual([false, []])
  expect((await targets.approve(targets.held()?.id ?? '', 'ada')).outcome).toBe('approved')
  expect(unanswered).toEqual([])
})

test('an approval whose answer the database lost is carried out once when it was written, and asked for again when not', async () => {
  const id = await heldAt({})
  answers = 'never, and nothing is written'
  await expect(targets.approve(id, 'ada')).rejects.toThrow('the connection is gone')
  answers = 'never, and it is written'
  await expect(targets.approve(id, 'ada')).rejects.toThrow('the connection is gone')
  expect([approved, targets.held()?.id]).toEqual([[], id])
  await targets.look()
  expect([approved, unanswered, targets.held()]).toEqual([['ada'], [id], undefined])
  expect(await targets.approve(id, 'bob')).toMatchObject({
    outcome: 'already-approved',
    message: expect.stringContaining('ada approved it'),
  })
  expect([...new Set(accepted.values())]).toEqual([history.last()?.revision ?? ''])
  expect(written.moved).toEqual(accepted)
})

test('a look that began before main moved decides nothing any more', async () => {
  const old = headOf({ ...everything, 'site/c': '1' })
  headOf({})
  const [site] = reconcilers
  if (site === undefined) throw new Error('no kind')
  await expect(targets.choose(site, old)).rejects.toThrow('superseded')
  expect(written.moved.size).toBe(0)
})
