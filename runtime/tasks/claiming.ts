import { type Claims, claimById, claimNext, type Wanted } from './claims.ts'
import { type Completion, complete } from './complete.ts'
import type { Core } from './core.ts'
import { failForGood } from './failure.ts'
import { mostLosses } from './numbers.ts'
import { budgetOf, hold } from './progress.ts'
import { withRunning } from './running.ts'
import { isId, isToken, storable } from './submission.ts'
import type { Claim, ClaimResult, TaskState, Tasks } from './task.ts'

/** The hot part: claims and completions that come while the store is busy go as one statement. */
export function claiming(core: Core): Pick<Tasks, 'claim' | 'claimNext' | 'complete'> {
  const taken = ({ claims, touched }: Claims) => {
    core.changed(touched)
    return claims
  }
  const byId = core.lane.gathered(async (wanted: readonly { readonly id: string; readonly agent: string }[]) => {
    const claims = new Map(taken(await claimById(core, wanted)).map(claim => [claim.task.id, claim]))
    // Of two that ask for one task at once, the later one has it.
    return wanted.map(({ id }, index) =>
      wanted.findLastIndex(other => other.id === id) === index ? (claims.get(id) ?? null) : null,
    )
  })
  const next = core.lane.gathered(async (wanted: readonly Wanted[]) =>
    shareOut(taken(await claimNext(core, sums(wanted))), wanted),
  )
  const completed = core.lane.gathered(async (completions: readonly Completion[]) => {
    const touched = await complete(core, completions)
    core.changed(touched)
    const done = new Set(touched.filter(({ state }) => state === 'completed').map(({ id, token }) => `${id} ${token}`))
    return completions.map(({ id, token }) => done.has(`${id} ${token}`))
  })
  return {
    async claim(id, agent) {
      if (!isId(id)) return { outcome: 'settled' }
      for (;;) {
        const claim = await byId({ id: id.toLowerCase(), agent })
        const result: ClaimResult | undefined = claim === null ? await whyNot(core, id, agent) : { outcome: 'claimed', claim }
        if (result !== undefined) return result
      }
    },
    async claimNext(agent, count) {
      const claims = count > 0 ? await next({ agent, count }) : []
      if (claims.length === 0) await holdSpent(core, agent)
      return claims
    },
    complete: (id, token, result) =>
      isId(id) && isToken(token) ? completed({ id: id.toLowerCase(), token, result: storable(result) }) : Promise.resolve(false),
  }
}

/** The same agent may be asked for by several at once. */
function sums(wanted: readonly Wanted[]): readonly Wanted[] {
  const counts = new Map<string, number>()
  for (const { agent, count } of wanted) counts.set(agent, Math.min(mostAtOnce, (counts.get(agent) ?? 0) + count))
  return [...counts].map(([agent, count]) => ({ agent, count }))
}

const mostAtOnce = 1_000

/** Each gets up to what it wanted, the most urgent first; nobody gets a second one while another has none. */
function shareOut(claims: readonly Claim[], wanted: readonly Wanted[]): readonly (readonly Claim[])[] {
  const left = Map.groupBy(claims, claim => claim.task.agent)
  const shares = wanted.map((): Claim[] => [])
  for (let given = true; given; ) {
    given = false
    for (const [index, { agent, count }] of wanted.entries()) {
      const share = shares[index]
      if (share === undefined || share.length >= count) continue
      const claim = left.get(agent)?.shift()
      if (claim === undefined) continue
      share.push(claim)
      given = true
    }
  }
  return shares
}

interface Unclaimed {
  readonly agent: string
  readonly state: TaskState
  readonly reason: string
  readonly token: number
  readonly lost: number
}

/** Why a task could not be claimed; a budget that is spent is written on it. Undefined when it can be by now. */
async function whyNot(core: Core, id: string, agent: string): Promise<ClaimResult | undefined> {
  const [task] = await core.store<Unclaimed[]>`SELECT agent, state, reason, token, lost FROM task WHERE id = ${id}`
  if (task === undefined || task.agent !== agent) return { outcome: 'settled' }
  if (task.state === 'pending') return { outcome: 'later', reason: task.reason }
  if (task.state !== 'ready' && task.state !== 'assigned' && task.state !== 'in_progress') return { outcome: 'settled' }
  if (task.state !== 'ready' && task.lost >= mostLosses) {
    const sentence = `its agent was lost ${mostLosses} times while it worked on this; a person has to look`
    await withRunning(core, id, task.token, store => failForGood(core, store, id, sentence))
    return { outcome: 'settled' }
  }
  const over = await budgetOf(core, agent, id)
  // Without a policy there is no such agent any more.
  if (over === undefined) return core.policyOf(agent) === undefined ? { outcome: 'settled' } : undefined
  await hold(core, id, over)
  return { outcome: 'later', reason: over.reason }
}

/** Tasks that are ready and yet nobody got: a budget is spent, and each says so. */
async function holdSpent(core: Core, agent: string): Promise<void> {
  const ready = await core.store<{ id: string }[]>`
    SELECT id FROM task WHERE agent = ${agent} AND state = 'ready' ORDER BY rank, position LIMIT 100`
  for (const { id } of ready) {
    const over = await budgetOf(core, agent, id)
    if (over !== undefined) await hold(core, id, over)
  }
}
