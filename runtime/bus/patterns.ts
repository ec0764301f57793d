import { explain } from '../os/errors.ts'

/**
 * The five ways in which agents work together, each a function over the little of the bus that it needs. Whoever calls
 * gives a bus that speaks for one agent.
 */

export interface Asks {
  /** Puts a question to an agent and gives its answer; throws when there is none. */
  ask(agent: string, text: string): Promise<string>
}

export interface Tells {
  agents(): readonly string[]
  tell(agent: string, text: string): Promise<void>
}

export interface HandsOff {
  /** Gives what one works on to another agent; false when it is not one's own any more. */
  handOff(agent: string, reason: string): Promise<boolean>
}

export interface Step {
  readonly agent: string
  /** Made of what the agent before answered; that of the first is empty. */
  readonly text: (before: string) => string
}

/** One agent after another, each with what the one before gave; the last answer is the result. */
export async function sequential(bus: Asks, steps: readonly Step[]): Promise<string> {
  let result = ''
  for (const { agent, text } of steps) result = await bus.ask(agent, text(result))
  return result
}

export interface Gathered {
  readonly agent: string
  readonly outcome: 'answered' | 'failed'
  readonly text: string
}

/** All at once; one that fails keeps nothing from the others. */
export function parallel(
  bus: Asks,
  questions: readonly { readonly agent: string; readonly text: string }[],
): Promise<Gathered[]> {
  return Promise.all(
    questions.map(async ({ agent, text }): Promise<Gathered> => {
      try {
        return { agent, outcome: 'answered', text: await bus.ask(agent, text) }
      } catch (error) {
        return { agent, outcome: 'failed', text: explain(error) }
      }
    }),
  )
}

/** One agent asks another and waits. */
export const consult = (bus: Asks, agent: string, text: string): Promise<string> => bus.ask(agent, text)

/** Everybody but the speaker hears it; nobody answers. Gives who was told. */
export async function broadcast(bus: Tells, from: string, text: string): Promise<readonly string[]> {
  const others = bus.agents().filter(agent => agent !== from)
  for (const agent of others) await bus.tell(agent, text)
  return others
}

/** What one works on becomes another's, with the reason. */
export const handoff = (bus: HandsOff, agent: string, reason: string): Promise<boolean> => bus.handOff(agent, reason)
