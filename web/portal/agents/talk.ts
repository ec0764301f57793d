import type { Agents, Utterance } from '../../../runtime/bus/agents.ts'

/** Utterances of a conversation that a page shows. */
const mostShown = 60

/** The conversation with an agent, with the pieces of an answer that have come since it was last persisted. */
export interface Talk {
  read(): Promise<readonly Utterance[]>
  stop(): void
}

export function watchTalk(agents: Agents, name: string, changed: () => void): Talk {
  const pieces = new Map<string, string>()
  const stop = agents.subscribe(event => {
    if (event.type === 'delta' && event.agent === name) {
      pieces.set(event.utteranceId, (pieces.get(event.utteranceId) ?? '') + event.text)
    } else if (event.type === 'utterance' && event.utterance.agent === name) {
      if (event.utterance.state === 'done' || event.utterance.state === 'failed') pieces.delete(event.utterance.id)
    } else if (event.type !== 'presence') return
    changed()
  })
  return {
    async read() {
      const talk = await agents.conversation(name, mostShown)
      return talk.map(each => {
        const streamed = each.state === 'answering' ? pieces.get(each.id) : undefined
        return streamed !== undefined && streamed.length > each.text.length ? { ...each, text: streamed } : each
      })
    },
    stop,
  }
}
