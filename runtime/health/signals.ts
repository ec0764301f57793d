import type { AgentEvent } from '../bus/agents.ts'
import type { WorkEvent } from '../bus/work.ts'

/** What an agent does, as far as its health is concerned. */
export type WorkSignal =
  | { readonly type: 'started'; readonly agent: string; readonly work: string }
  | {
      readonly type: 'progress'
      readonly agent: string
      readonly work: string
      readonly task: string | undefined
      readonly event: WorkEvent
    }
  | { readonly type: 'ended'; readonly agent: string; readonly work: string; readonly outcome: 'done' | 'failed' | 'stopped' }

/** What an event of the bus says of an agent's work; undefined when it says nothing. */
export function signalOf(event: AgentEvent): WorkSignal | undefined {
  if (event.type === 'work') {
    const { agent, work, task } = event
    return { type: 'progress', agent, work, task, event: event.event }
  }
  if (event.type !== 'utterance') return undefined
  const { agent, id, answers, state, text } = event.utterance
  if (answers === undefined) return state === 'answering' ? { type: 'started', agent, work: id } : undefined
  if (state !== 'done' && state !== 'failed') return undefined
  // Whom a person interrupted has not failed.
  const stopped = state === 'failed' && /\[stopped by [^\]]*\]$/.test(text)
  return { type: 'ended', agent, work: answers, outcome: stopped ? 'stopped' : state }
}
