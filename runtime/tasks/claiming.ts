import { claimById, claimNext, claimsOf, type Wanted, type WantedTask } from './claims.ts'
import { type Completion, complete } from './complete.ts'
import type { Core } from './core.ts'
import { failForGood } from './failure.ts'
import { inOneFlush } from './flush.ts'
import { mostLosses } from './numbers.ts'
import { budgetOf, hold } from './progress.ts'
import { withRunning } from './running.ts'
import { isId, isToken, storable } from './submission.ts'
import type { Claim, ClaimResult, TaskState, Tasks } from './task.ts'

/** The hot part: claims and completions that come while the store is busy go as one statement of each, in one transaction. */
export function claiming(core: Core): Pick<Tasks, 'claim' | 'claimNext' | 'complete'> {
  const byId = core.lane.gathered(async (wanted: readonly WantedTask[]) => {
    const rows = await claimById(core, core.store, wanted)
    core.changed(rows)
    const claims = new Map(claimsOf(rows).map(claim => [claim.task.id, claim]))
    // Of two that ask for one task at once, the later one has it.
    return wanted.map(({ id }, index) =>
      wanted.findLastIndex(other => other.id === id) === index ? (claims.get(id) ?? null) : null,
    )
  })
  const next = core.lane.gathered((asked: readonly Asked[]) => answerAsked(core, asked))
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
      const answer = count > 0 ? await next({ agent, count }) : []
      const claims = typeof answer === 'boolean' ? [] : answer
      if (claims.length === 0) await holdSpent(core, agent)
      return claims
    },
    async complete(id, token, result) {
      return isId(id) && isToken(token) && (await next({ id: id.toLowerCase(), token, result: storable(result) })) === true
    },
  }
}

type Asked = Wanted | Completion

/** What is completed makes others ready before anybody is given a next one. */
async function answerAsked(core: Core, asked: readonly Asked[]): Promise<readonly (boolean | readonly Claim[])[]> {
  const completions = asked.filter(one => 'id' in one)
  const wanted = asked.filter(one => 'count' in one)
  const [completed, claimed] = await send(core, completions, wanted)
  core.changed(completed)
  core.changed(claimed)
  const done = new Set(completed.filter(({ state }) => state === 'completed').map(({ id, token }) => `${id} ${token}`))
  const shares = shareOut(claimsOf(claimed), wanted).values()
  return asked.map(one => ('id' in one ? done.has(`${one.id} ${one.token}`) : (shares.next().value ?? [])))
}

async function send(core: Core, completions: readonly Completion[], wanted: readonly Wanted[]) {
  if (wanted.length === 0) return [await complete(core, core.store, completions), []] as const
  if (completions.length === 0) return [[], await claimNext(core, core.store, sums(wanted))] as const
  return inOneFlush(
    core.store,
    connection => complete(core, connection, completions),
    connection => claimNext(core, connection, sums(wanted)),
  )
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
