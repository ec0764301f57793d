import type { Agents, Thread, Utterance, WorkStep } from '../../../runtime/bus/agents.ts'

import type { Standing } from './watch.ts'

/** The agent that everybody talks to. */
export const interlocutor = 'supervisor'

/** What an utterance is made of, in the order in which it came. */
export type Part = { readonly type: 'text'; readonly text: string } | { readonly type: 'step'; readonly step: WorkStep }

/** An utterance with everything that a page shows of it. */
export interface Said extends Utterance {
  /** As it was read; the same object for as long as it is what it was. */
  readonly source: Utterance
  readonly parts: readonly Part[]
  /** What this person gave the answer, from 1 to 10. */
  readonly rating: number | undefined
}

/** The words of an answer with the steps that were taken between them. */
export function partsOf({ text, answers }: Utterance, steps: readonly WorkStep[]): readonly Part[] {
  const parts: Part[] = []
  let from = 0
  for (const step of steps.filter(each => each.work === answers)) {
    const to = Math.min(Math.max(step.afterText, from), text.length)
    if (to > from) parts.push({ type: 'text', text: text.slice(from, to) })
    parts.push({ type: 'step', step })
    from = to
  }
  if (from < text.length) parts.push({ type: 'text', text: text.slice(from) })
  return parts
}

/** What a page shows of a conversation. */
export const saidOf = ({ utterances, steps }: Standing, ratings: ReadonlyMap<string, number>): readonly Said[] =>
  utterances.map(each => ({ ...each, source: each, parts: partsOf(each, steps), rating: ratings.get(each.id) }))

/** The conversations of people with the supervisor, the one where something was said last comes first. */
export const chatsOf = async (agents: Agents): Promise<readonly Thread[]> =>
  (await agents.threads(interlocutor))
    .filter(thread => thread.kind === 'chat' && !isUntouched(thread))
    .toSorted((a, b) => (a.saidAt > b.saidAt ? -1 : 1))

/** The one of the window of the agent, which is there before anybody says something in it. */
const isUntouched = ({ title, createdAt, saidAt }: Thread): boolean => title === '' && createdAt === saidAt

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A conversation by what an address says; undefined for anything else. */
export async function chatOf(agents: Agents, id: string | undefined): Promise<Thread | undefined> {
  const thread = id !== undefined && uuid.test(id) ? await agents.thread(id) : undefined
  return thread?.kind === 'chat' && thread.agent === interlocutor ? thread : undefined
}

export const titleOf = ({ title }: Thread): string => title || 'First conversation'

/** What a new conversation is called until somebody renames it: how it began. */
export function titleFrom(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? ''
  return line.length <= 60 ? line : `${line.slice(0, 60).replace(/\s+\S*$/, '')} …`
}
