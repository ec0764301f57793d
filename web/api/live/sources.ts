import type { EngineEvent } from '../../../reconcilers/engine/status.ts'
import type { AgentEvent } from '../../../runtime/bus/agents.ts'
import type { Topic } from './protocol.ts'

/** One thing that happened, for those who subscribed to its topic. */
export interface Happened {
  /** The conversation that it belongs to, where it does. */
  readonly thread: string | undefined
  readonly event: unknown
}

type Subscribe<Event> = (listener: (event: Event) => void) => () => void

export interface LiveSources {
  readonly engine: { readonly subscribe: Subscribe<EngineEvent> }
  readonly agents: { readonly subscribe: Subscribe<AgentEvent> }
  readonly health: { readonly subscribe: Subscribe<unknown> }
  readonly tasks: { readonly subscribe: Subscribe<{ readonly task: { readonly thread: string | undefined } }> }
  readonly approvals: { readonly subscribe: Subscribe<{ readonly thread: string | undefined }> }
  readonly alerts: { readonly subscribe: Subscribe<unknown> }
  readonly audit: { readonly subscribe: Subscribe<unknown> }
}

/** Calls back with what happens of a topic; gives how to stop. */
export function follow(sources: LiveSources, topic: Topic, tell: (happened: Happened) => void): () => void {
  switch (topic) {
    case 'resources':
      return sources.engine.subscribe(event => {
        if (resourceEvents.has(event.type)) tell({ thread: undefined, event })
      })
    case 'chat':
      return sources.agents.subscribe(event => {
        const said = chatEvent(event)
        if (said !== undefined) tell(said)
      })
    case 'work':
      return sources.agents.subscribe(event => {
        if (event.type !== 'work' || event.event.type === 'text') return
        const { type, ...work } = event
        tell({ thread: event.thread, event: work })
      })
    case 'tasks':
      return sources.tasks.subscribe(({ task }) => tell({ thread: task.thread, event: task }))
    case 'approvals':
      return sources.approvals.subscribe(approval => tell({ thread: approval.thread, event: approval }))
    case 'agents':
      return sources.health.subscribe(event => tell({ thread: undefined, event }))
    case 'alerts':
      return sources.alerts.subscribe(event => tell({ thread: undefined, event }))
    case 'audit':
      return sources.audit.subscribe(event => tell({ thread: undefined, event }))
  }
}

const resourceEvents: ReadonlySet<EngineEvent['type']> = new Set(['status', 'removed', 'held', 'settled'])

/** What people say and are answered, and the pieces of an answer as it comes. */
function chatEvent(event: AgentEvent): Happened | undefined {
  if (event.type === 'utterance') return { thread: event.utterance.thread, event }
  if (event.type !== 'work') return undefined
  const { agent, thread, work } = event
  const said = (type: 'delta' | 'retracted', text: string) => ({ thread, event: { type, agent, thread, work, text } })
  if (event.event.type === 'text') return said('delta', event.event.text)
  return event.event.type === 'retracted' ? said('retracted', '') : undefined
}
