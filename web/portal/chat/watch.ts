import type { AgentEvent, Agents, Thread, Utterance, WorkStep } from '../../../runtime/bus/agents.ts'

/** A conversation as it stands at this moment. */
export interface Standing {
  readonly utterances: readonly Utterance[]
  readonly steps: readonly WorkStep[]
}

/** A conversation with an agent; without an id, the first one with it. */
export type Place = Pick<Thread, 'agent'> & { readonly id?: string }

export interface ThreadWatch {
  read(): Promise<Standing>
  stop(): void
}

/** The newest of a conversation: so many utterances. */
export async function readThread(agents: Agents, { agent, id }: Place, most: number): Promise<Standing> {
  const utterances = await agents.conversation(agent, most, id)
  const thread = id ?? utterances[0]?.thread
  return { utterances, steps: thread === undefined ? [] : await agents.steps(thread) }
}

/**
 * Follows a conversation in memory, so that a piece of an answer costs no look into the database. Whatever comes while it
 * is being read makes it read again: what was read may or may not hold that piece, so no piece is lost or doubled.
 */
export function watchThread(agents: Agents, place: Place, most: number, changed: () => void): ThreadWatch {
  let standing: Standing | undefined
  let stepsAreOld = false
  let events = 0
  /** What came of which utterance while it was being read. */
  let pieces: { readonly id: string; readonly text: string }[] = []

  const stop = agents.subscribe(event => {
    if (!concerns(event, place, standing)) return
    events++
    if (event.type === 'delta' && standing === undefined) pieces.push({ id: event.utteranceId, text: event.text })
    if (event.type === 'work') stepsAreOld = true
    else if (standing !== undefined)
      standing = idOf(place, standing) === undefined ? undefined : { ...standing, utterances: after(standing.utterances, event) }
    changed()
  })

  async function load(): Promise<Standing> {
    for (let tries = 0; ; tries++) {
      const before = events
      pieces = []
      const read = await readThread(agents, place, most)
      if (events !== before && tries < mostTries) continue
      standing = { ...read, utterances: read.utterances.map(each => caughtUp(each, pieces)) }
      pieces = []
      return standing
    }
  }

  return {
    async read() {
      if (standing === undefined) return load()
      const thread = idOf(place, standing)
      if (!stepsAreOld || thread === undefined) return standing
      stepsAreOld = false
      const steps = await agents.steps(thread)
      standing = { ...standing, steps }
      return standing
    },
    stop,
  }
}

/** After so many readings, in each of which something came, the pieces are put to what was read. */
const mostTries = 5

/** An utterance with those pieces that it does not end with already; the end of an answer brings its whole text anyway. */
function caughtUp(utterance: Utterance, pieces: readonly { readonly id: string; readonly text: string }[]): Utterance {
  const own = pieces.filter(({ id }) => id === utterance.id).map(({ text }) => text)
  for (let known = own.length; known > 0; known--) {
    if (utterance.text.endsWith(own.slice(0, known).join('')))
      return { ...utterance, text: utterance.text + own.slice(known).join('') }
  }
  return { ...utterance, text: utterance.text + own.join('') }
}

/** Unknown while nothing was said in the first conversation with an agent. */
const idOf = (place: Place, standing: Standing | undefined): string | undefined => place.id ?? standing?.utterances[0]?.thread

function concerns(event: AgentEvent, place: Place, standing: Standing | undefined): boolean {
  if (event.type === 'presence') return false
  const agent = event.type === 'utterance' ? event.utterance.agent : event.agent
  if (agent !== place.agent) return false
  if (event.type === 'delta') {
    return standing === undefined || standing.utterances.some(({ id }) => id === event.utteranceId)
  }
  const thread = idOf(place, standing)
  if (event.type === 'utterance') return thread === undefined || event.utterance.thread === thread
  // What a tool writes is shown once it has ended.
  return event.thread === thread && (event.event.type === 'tool-started' || event.event.type === 'tool-ended')
}

function after(utterances: readonly Utterance[], event: AgentEvent): readonly Utterance[] {
  if (event.type === 'delta') {
    return utterances.map(each => (each.id === event.utteranceId ? { ...each, text: each.text + event.text } : each))
  }
  if (event.type !== 'utterance') return utterances
  const { utterance } = event
  const at = utterances.findIndex(({ id }) => id === utterance.id)
  return at === -1 ? [...utterances, utterance] : utterances.with(at, utterance)
}
