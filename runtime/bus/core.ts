import type { Clock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import type { Log } from '../os/log.ts'
import type { Spawn } from '../os/spawn.ts'
import type { RedisAddress } from '../services/probes.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Utterance } from './agents.ts'
import { briefingOf } from './briefing.ts'
import { createDeadLetters } from './dead-letters.ts'
import { createDeclarations, type Declaration } from './declarations.ts'
import { createDelivery } from './delivery.ts'
import { createInboxes } from './inboxes.ts'
import { createLiveAnswers } from './live-answers.ts'
import { openMessages, stillOpen } from './messages.ts'
import { createPost } from './post.ts'
import { createPresences } from './presences.ts'
import type { Briefing } from './protocol.ts'
import { createThreads } from './threads.ts'
import type { Usage } from './work.ts'
import { createWorks } from './works.ts'
import type { TaskLeases } from './works-deps.ts'

export interface AgentsDeps {
  readonly home: Home
  readonly store: Store
  readonly redis: RedisAddress
  readonly spawn: Spawn
  readonly clock: Clock
  readonly log: Log
  /** Read anew for each briefing; handed to the processes in memory, never in arguments or environments. */
  readonly claude: Briefing['claude']
  /** Without it nothing but questions is worked on. */
  readonly tasks?: () => TaskLeases
  /** What a call of the model costs, in millionths of a US dollar; default: nothing. */
  readonly priceOf?: (usage: Usage) => number
  /** Why an agent may not answer now, like a budget that is spent; default: it always may. */
  readonly obstacle?: (agent: string) => Promise<string | undefined>
  /** An agent is declared, perhaps with another policy. */
  readonly declared?: (agent: string) => Promise<void>
  /** An agent is not there any more, and what was on its way to it is laid aside. */
  readonly forgotten?: (agent: string) => Promise<void>
}

/** What the parts of the room share. */
export type Core = ReturnType<typeof createCore>

export function createCore(deps: AgentsDeps) {
  const { clock, log, store } = deps
  const listeners = new Set<(event: AgentEvent) => void>()
  const reportListeners = new Set<(name: string) => void>()
  const emit = (event: AgentEvent) => {
    for (const listener of listeners) listener(event)
  }
  const presences = createPresences(
    () => clock.now().getTime(),
    presence => {
      emit({ type: 'presence', presence })
      for (const listener of reportListeners) listener(presence.name)
    },
  )
  const known = new Map<string, Declaration>()
  const draining = new Set<string>()
  const threads = createThreads(store)
  const live = createLiveAnswers(store, log, emit)
  const inboxes = createInboxes({
    address: deps.redis,
    log,
    connected: () => {
      for (const name of known.keys()) void delivery.catchUp(name)
    },
  })
  const deadLetters = createDeadLetters({ store, clock, log, stream: inboxes.bury })
  const delivery = createDelivery({
    inboxes,
    log,
    open: (agent, limit) => openMessages(store, agent, limit),
    stillOpen: ids => stillOpen(store, ids),
    unreadable: deadLetters.layAside,
  })
  const post = createPost({ store, clock, delivery, emit })
  const works = createWorks({
    ...{ store, clock, threads, live, emit, deadLetters },
    tasks: () => deps.tasks?.() ?? noTasks,
    priceOf: deps.priceOf ?? (() => 0),
    obstacle: deps.obstacle ?? (async () => undefined),
    settled: delivery.settle,
    postponed: delivery.postpone,
  })
  return {
    deps,
    listeners,
    reportListeners,
    restartListeners: new Set<(name: string, by: string) => void>(),
    emit,
    show(utterances: readonly Utterance[]) {
      for (const utterance of utterances) emit({ type: 'utterance', utterance })
    },
    presences,
    known,
    draining,
    declarations: createDeclarations(store),
    threads,
    live,
    works,
    inboxes,
    deadLetters,
    delivery,
    post,
    brief: (declaration: Declaration): Briefing =>
      briefingOf(declaration, {
        claude: claudeOf(deps.claude),
        redis: deps.redis,
        credential: inboxes.credential(declaration.name),
        mode: draining.has(declaration.name) ? 'drain' : 'run',
        team: [...known.values()]
          .map(({ name, description }) => ({ name, description }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      }),
    names: () => [...known.keys()].sort(),
  }
}

/** As it is now, without what else the object has. */
const claudeOf = ({ apiKey, baseUrl, missing, keyName }: Briefing['claude']): Briefing['claude'] => ({
  ...{ apiKey, baseUrl, missing, keyName },
})

const noTasks: TaskLeases = {
  get: async () => undefined,
  claim: async () => ({ outcome: 'settled' }),
  progress: async () => false,
  waits: async () => {},
  complete: async () => false,
  fail: async () => false,
}

export const unknownAgent = (name: string) => new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`)

export function subscribeTo<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
