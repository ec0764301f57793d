import { explain } from '../os/errors.ts'
import type { AgentsRoom, Dispatched } from './agents-room.ts'
import { requeue } from './conversations.ts'
import { conversing, messageTo } from './conversing.ts'
import { type AgentsDeps, type Core, createCore, subscribeTo, unknownAgent } from './core.ts'
import type { Declaration } from './declarations.ts'
import { openMessages, supersede } from './messages.ts'
import { createPeers } from './peers.ts'
import type { Heartbeat } from './protocol.ts'

export type { AgentsRoom, Dispatched, Happening } from './agents-room.ts'
export type { AgentsDeps } from './core.ts'

export function createAgents(deps: AgentsDeps): AgentsRoom {
  const core = createCore(deps)
  return { ...lifecycle(core), ...declaring(core), ...conversing(core), ...answering(core) }
}

/** Milliseconds between two looks at what every inbox holds. */
const lookEvery = 30_000
/** Dead letters that a list shows, and open messages that an agent leaves behind. */
const mostListed = 200
const mostBuried = 10_000

function lifecycle({ declarations, known, delivery, presences, inboxes, live }: Core) {
  let looking: Timer | undefined
  return {
    async start() {
      for (const declaration of await declarations.all()) known.set(declaration.name, declaration)
      await Promise.all([...known.keys()].map(delivery.catchUp))
      looking = setInterval(() => {
        for (const name of known.keys()) void delivery.catchUp(name)
      }, lookEvery)
    },
    async stop() {
      clearInterval(looking)
      presences.stop()
      await live.keepAll()
      await delivery.stop()
      await inboxes.stop()
    },
  }
}

/** What the reconciler asks. */
function declaring({
  deps,
  declarations,
  deadLetters,
  works,
  known,
  draining,
  delivery,
  presences,
  inboxes,
  reportListeners,
  restartListeners,
  names,
}: Core) {
  return {
    declarations,
    listeningSince: deps.clock.now(),
    names,
    policyOf: (name: string) => known.get(name)?.policy,
    report: presences.report,
    gone: presences.gone,
    onReport: (listener: (name: string) => void) => subscribeTo(reportListeners, listener),
    onRestart: (listener: (name: string, by: string) => void) => subscribeTo(restartListeners, listener),
    async declare(declaration: Declaration) {
      await declarations.put(declaration)
      known.set(declaration.name, declaration)
      await delivery.catchUp(declaration.name)
      await deps.declared?.(declaration.name)
    },
    async forget(name: string) {
      await declarations.remove(name)
      await declarations.forgetRestarts(name)
      known.delete(name)
      draining.delete(name)
      presences.gone(name)
      const open = await openMessages(deps.store, name, mostBuried)
      await deadLetters.bury(name, open, `there is no agent ${name} any more`)
      for (const { id } of open) await works.stop(id, `the removal of ${name}`)
      await inboxes.close(name).catch(error => deps.log.warn('inbox not closed', { key: name, error: explain(error) }))
      await deps.forgotten?.(name)
    },
    setDraining(name: string, on: boolean) {
      if (on === draining.has(name)) return
      if (on) draining.add(name)
      else draining.delete(name)
      delivery.wake(name)
    },
  }
}

/** What an agent's own process asks and tells, and what is given to it to do. */
function answering({
  deps,
  live,
  works,
  known,
  presences,
  delivery,
  brief,
  show,
  post,
  threads,
  names,
  listeners,
  deadLetters,
}: Core) {
  return {
    async briefing(name: string) {
      const declaration = known.get(name)
      return declaration && brief(declaration)
    },
    async heard(name: string, heartbeat: Heartbeat) {
      const declaration = known.get(name)
      if (declaration === undefined) throw unknownAgent(name)
      const another = presences.heard(name, heartbeat)
      delivery.catchUpIfBehind(name)
      if (another && heartbeat.activity !== 'answering') {
        await live.keepAll()
        live.forget(name)
        show(await requeue(deps.store, name))
      }
      return { version: brief(declaration).version }
    },
    work: works,
    peers: createPeers({
      ...{ store: deps.store, clock: deps.clock, threads, names, post, stop: works.stop },
      subscribe: listener => subscribeTo(listeners, listener),
    }),
    deadLetters: () => deadLetters.list(mostListed),
    async replay(id: string) {
      const message = await deadLetters.replay(id, known)
      await delivery.send(message)
    },
    async dispatch({ id, task }: Dispatched) {
      const { id: taskId, agent, by, priority } = task
      const payload = { action: 'task', task_id: taskId }
      const at = deps.clock.now()
      const message = messageTo(agent, { id, source: by, type: 'task', priority, payload, at })
      for (const old of await supersede(deps.store, taskId, id, at)) await delivery.settle(old.target, old.id)
      await post(message, { task: taskId })
    },
  }
}
