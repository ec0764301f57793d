import { type ClaimRow, claimOf, claimTasks, type WantedTask } from './claims.ts'
import { type Completed, type Completion, complete } from './complete.ts'
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
    const rows = await claimTasks(core, core.store, wanted, 'again')
    core.changed(rows)
    const claims = new Map(rows.map(row => [row.id, claimOf(row)]))
    // Of two that ask for one task at once, the later one has it.
    return wanted.map(({ id }, index) =>
      wanted.findLastIndex(other => other.id === id) === index ? (claims.get(id) ?? null) : null,
    )
  })
  const ask = core.lane.gathered((asked: readonly Asked[]) => answer(core, asked))
  const next = async (wanted: Wanted): Promise<readonly Claim[]> => {
    const claims = await ask(wanted)
    return typeof claims === 'boolean' ? [] : claims
  }
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
      if (count <= 0) return []
      const claims = await next({ agent, count })
      if (claims.length > 0 || core.open.first(agent, 1).length === 0) return claims
      // Something became ready in the same transaction, or a budget is spent.
      const late = await next({ agent, count })
      return late.length === 0 && (await holdSpent(core, agent)) ? next({ agent, count }) : late
    },
    async complete(id, token, result) {
      return isId(id) && isToken(token) && (await ask({ id: id.toLowerCase(), token, result: storable(result) })) === true
    },
  }
}

/** The most urgent ready tasks of an agent. */
interface Wanted {
  readonly agent: string
  readonly count: number
}

type Asked = Wanted | Completion

async function answer(core: Core, asked: readonly Asked[]): Promise<readonly (boolean | readonly Claim[])[]> {
  const completions = asked.filter(one => 'id' in one)
  const wanted = asked.filter(one => 'count' in one)
  const [completed, claimed] = await send(core, completions, mostUrgent(core, wanted))
  core.changed(completed)
  core.changed(claimed)
  const done = new Set(completed.filter(({ state }) => state === 'completed').map(({ id, token }) => `${id} ${token}`))
  const shares = shareOut(claimed, wanted).values()
  return asked.map(one => ('id' in one ? done.has(`${one.id} ${one.token}`) : (shares.next().value ?? [])))
}

type Changes = readonly [readonly Completed[], readonly ClaimRow[]]

async function send(core: Core, completions: readonly Completion[], tasks: readonly WantedTask[]): Promise<Changes> {
  if (tasks.length === 0) return [completions.length === 0 ? [] : await complete(core, core.store, completions), []]
  if (completions.length === 0) return [[], await claimTasks(core, core.store, tasks, 'ready')]
  return inOneFlush(
    core.store,
    connection => complete(core, connection, completions),
    connection => claimTasks(core, connection, tasks, 'ready'),
  )
}

const mostAtOnce = 1_000

/** The same agent may be asked for by several at once. */
function mostUrgent({ open }: Core, wanted: readonly Wanted[]): readonly WantedTask[] {
  const counts = new Map<string, number>()
  for (const { agent, count } of wanted) counts.set(agent, Math.min(mostAtOnce, (counts.get(agent) ?? 0) + count))
  return [...counts].flatMap(([agent, count]) => open.first(agent, count).map(id => ({ id, agent })))
}

/** Each gets up to what it wanted, the most urgent first; nobody gets a second one while another has none. */
function shareOut(rows: readonly ClaimRow[], wanted: readonly Wanted[]): readonly (readonly Claim[])[] {
  const urgentFirst = rows.toSorted(
    (one, other) => Number(one.rank) - Number(other.rank) || Number(one.position) - Number(other.position),
  )
  const left = Map.groupBy(urgentFirst.map(claimOf), claim => claim.task.agent)
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

/** Tasks that are ready and yet nobody got: where a budget is spent each says so. Whether there were any of these. */
async function holdSpent(core: Core, agent: string): Promise<boolean> {
  let held = false
  for (const id of core.open.first(agent, 100)) {
    const over = await budgetOf(core, agent, id)
    if (over === undefined) continue
    await hold(core, id, over)
    held = true
  }
  return held
}
