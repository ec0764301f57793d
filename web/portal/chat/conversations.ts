import type { Agents, Utterance } from '../../../runtime/bus/agents.ts'

/** One conversation with the supervisor. */
export interface Thread {
  readonly id: string
  /** What its person called it, or how it began. */
  readonly title: string
  /** ISO 8601, when something was said last. */
  readonly at: string
  readonly archived: boolean
}

/** A step that an agent took while it answered. */
export interface Step {
  readonly call: string
  readonly tool: string
  /** One line for a person. */
  readonly title: string
  readonly outcome: 'running' | 'done' | 'failed' | 'denied'
  readonly summary: string
}

/** What an utterance is made of, in the order in which it came. */
export type Part = { readonly type: 'text'; readonly text: string } | { readonly type: 'step'; readonly step: Step }

/** An utterance with everything that a page shows of it. */
export interface Said extends Utterance {
  readonly parts: readonly Part[]
}

/** The agent that everybody talks to. */
export const interlocutor = 'supervisor'

export const partsOf = ({ text }: Utterance): readonly Part[] => (text === '' ? [] : [{ type: 'text', text }])

/** The one conversation that an agent has had so far. */
export async function threadsOf(agents: Agents): Promise<readonly Thread[]> {
  const [last] = await agents.conversation(interlocutor, 1)
  return last === undefined ? [] : [{ id: interlocutor, title: 'Supervisor', at: last.at, archived: false }]
}
