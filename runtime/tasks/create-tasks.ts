import { claiming } from './claiming.ts'
import type { Core, TasksDeps as CoreDeps } from './core.ts'
import { cancel, failTry, retry } from './failure.ts'
import { handOff } from './hand-off.ts'
import { createLane } from './lane.ts'
import { createOpenTasks } from './open.ts'
import { bookAgent, budgetOf, hold, progress } from './progress.ts'
import { graphTasks, listTasks, readTasks } from './read.ts'
import { createReaper, type Reaper } from './reaper.ts'
import { rework } from './rework.ts'
import { withRunning } from './running.ts'
import { isId, isToken, storable } from './submission.ts'
import { submitting } from './submit.ts'
import type { Booking, Tasks } from './task.ts'
import { createTelling, type TellingDeps } from './telling.ts'
import { type Touched, touchedColumns } from './touched.ts'
import { createWaiting } from './waiting.ts'
import { giveBack, waits } from './waits.ts'

export type TasksDeps = CoreDeps & Partial<Pick<TellingDeps, 'announce' | 'told'>>

/** The task graph with what the appliance needs of it beside {@link Tasks}. */
export interface TasksRoom extends Tasks {
  /** Looks at what became due or was not told while nobody ran, and announces what is ready. */
  start(): Promise<void>
  /** Ends the timer, and waits for what is under way. */
  stop(): Promise<void>
  /** Announces again what is ready for an agent or claimed by it: its inbox was lost. */
  catchUp(agent?: string): Promise<void>
  /** Resolves when something became ready for the agent, or the signal aborts. */
  whenReady(agent: string, signal: AbortSignal): Promise<void>
  /** Books what an agent spent on something else than a task: a conversation. */
  book(agent: string, spent: Booking): Promise<void>
  /** Why an agent may spend nothing more today; empty when it may. */
  spentBudget(agent: string): Promise<string>
  /** There is no such agent (any more): what it has to do or is doing waits and says so. */
  strand(id: string, agent: string): Promise<void>
  /** It is declared, perhaps with another policy: what was held for want of it or of a budget, and fits by now, goes on. */
  reconsider(agent: string): Promise<void>
}

export function createTasks(deps: TasksDeps): TasksRoom {
  const { store, log, announce, told } = deps
  const open = createOpenTasks(store)
  const lane = createLane({
    async before() {
      if (!(await open.sure())) return
      // A commit whose outcome was unknown may have made something ready, due or ended.
      const due = open.nextDue()
      if (due !== undefined) reaper?.before(due)
      void telling.catchUp()
    },
    failed: open.doubt,
  })
  const announced = (agent: string | undefined) => lane.run(async () => open.announced(agent))
  const telling = createTelling({ store, open, announced, log, announce, told })
  const waiting = createWaiting()
  let reaper: Reaper | undefined
  const core: Core = {
    ...deps,
    open,
    lane,
    changed(touched) {
      open.follow(touched)
      for (const { due, state, agent } of touched) {
        if (due !== null) reaper?.before(due)
        if (state === 'ready') waiting.wake(agent)
      }
      telling.tell(touched)
    },
  }
  reaper = createReaper(core)
  const running = reaper
  return {
    ...claiming(core),
    ...reading(core),
    submit: submitting(core),
    progress: async (id, token, spent = {}) => isId(id) && isToken(token) && progress(core, id, token, spent),
    waits: (id, token, reason) => waits(core, id, token, storable(reason)),
    giveBack: (id, token, reason, milliseconds) => giveBack(core, id, token, storable(reason), milliseconds),
    fail: (id, token, error) =>
      withRunning(core, id, token, (transaction, task) => failTry(core, transaction, task, storable(error))),
    cancel: async (id, by) => isId(id) && cancel(core, id, storable(by)),
    retry: async id => isId(id) && retry(core, id),
    handOff: (id, token, agent, reason) => handOff(core, id, token, agent, reason),
    rework: (id, token, upstream, finding) => rework(core, id, token, upstream, finding),
    subscribe: telling.subscribe,
    book: (agent, spent) => bookAgent(core, agent, spent),
    spentBudget: async agent => (await budgetOf(core, agent, undefined))?.reason ?? '',
    strand: (id, agent) => hold(core, id, { until: 'a person', reason: stranded(agent) }),
    reconsider: agent => reconsider(core, agent),
    whenReady: waiting.whenReady,
    catchUp: telling.catchUp,
    async start() {
      await running.start()
      await telling.catchUp()
    },
    async stop() {
      await running.stop()
      await core.lane.idle()
      await telling.idle()
    },
  }
}

const stranded = (agent: string) =>
  `there is no agent ${agent} any more; it goes on once agents.yaml declares it again, or cancel it and give it to another`

const reading = ({ store }: Core): Pick<Tasks, 'get' | 'list' | 'graph'> => ({
  get: async id => (isId(id) ? (await readTasks(store, [id.toLowerCase()]))[0] : undefined),
  list: filter => listTasks(store, filter),
  graph: async id => (isId(id) ? graphTasks(store, id) : []),
})

/** Only what fits by now: whoever asked is not told once more of what still does not. */
async function reconsider(core: Core, agent: string): Promise<void> {
  const held = await core.store<{ id: string }[]>`SELECT id FROM task WHERE agent = ${agent} AND state = 'pending' AND held`
  for (const { id } of held) {
    if ((await budgetOf(core, agent, id)) !== undefined) continue
    await core.lane.run(async () => {
      core.changed(
        await core.store<Touched[]>`
        UPDATE task SET due = ${core.clock.now()} WHERE id = ${id} AND held RETURNING ${touchedColumns(core.store)}`,
      )
    })
  }
}
