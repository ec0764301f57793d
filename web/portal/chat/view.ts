import type { Thread } from '../../../runtime/bus/agents.ts'
import type { Approval } from '../../../runtime/policy/action.ts'
import type { Task } from '../../../runtime/tasks/task.ts'
import type { Call } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { frameOf } from '../frame.ts'
import { loadMarkdown } from '../markdown/markdown.ts'
import { chatsOf, interlocutor, saidOf } from './conversations.ts'
import type { ChatView } from './page.tsx'
import type { Standing } from './watch.ts'

/** Utterances of a conversation that a page shows at first, and at most. */
const shownAtFirst = 60
const mostShown = 1_000
const mostRecent = 50

export function shownOf(call: Call): number {
  const asked = Number(call.url.searchParams.get('show') ?? shownAtFirst)
  return Number.isSafeInteger(asked) ? Math.min(Math.max(asked, shownAtFirst), mostShown) : shownAtFirst
}

/** What stands around the words of a conversation; it changes seldom while an answer streams. */
export type Surroundings = Pick<ChatView, 'threads' | 'thread' | 'tasks' | 'asked' | 'markdown'> & {
  readonly ratings: ReadonlyMap<string, number>
}

/** `seen` remembers the approvals that this page has shown: one that is decided stays in its place. */
export async function surroundings(
  call: Call,
  deps: PortalDeps,
  thread: Thread,
  { utterances }: Standing,
  seen: Set<string>,
): Promise<Surroundings> {
  const [threads, tasks, markdown, ratings] = await Promise.all([
    chatsOf(deps.agents),
    deps.tasks.list({ thread: thread.id, limit: 60 }),
    loadMarkdown(),
    deps.ratings.of(
      utterances.filter(({ role }) => role === 'agent').map(({ id }) => id),
      raterOf(call),
    ),
  ])
  const asked = await askedIn(deps, thread, tasks, seen)
  return {
    threads,
    thread: threads.find(({ id }) => id === thread.id) ?? thread,
    tasks: ordered(tasks),
    asked,
    markdown,
    ratings,
  }
}

/** Who rates: what they gave is theirs alone. */
export const raterOf = ({ identity }: Call): string => {
  if (identity.kind === 'person') return identity.id
  return 'name' in identity ? `${identity.kind} ${identity.name}` : ''
}

/** What this conversation, or a task that it gave away, asks a person. */
async function askedIn(
  deps: PortalDeps,
  thread: Thread,
  tasks: readonly Task[],
  seen: Set<string>,
): Promise<readonly Approval[]> {
  const ids = new Set(tasks.map(({ id }) => id))
  const waiting = (await deps.approvals.waiting()).filter(
    approval => approval.thread === thread.id || (approval.task !== undefined && ids.has(approval.task)),
  )
  for (const { id } of waiting) seen.add(id)
  if (waiting.length === seen.size) return waiting
  const known = new Map([...(await deps.approvals.recent(mostRecent)), ...waiting].map(each => [each.id, each]))
  return [...seen].flatMap(id => known.get(id) ?? [])
}

/** Oldest first. */
const ordered = (tasks: readonly Task[]): readonly Task[] =>
  tasks.toReversed().toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))

export function chatView(call: Call, deps: PortalDeps, { utterances, steps }: Standing, around: Surroundings): ChatView {
  const shown = shownOf(call)
  const { ratings, ...rest } = around
  return {
    ...rest,
    frame: frameOf(call, deps),
    said: saidOf({ utterances: utterances.slice(-shown), steps }, ratings),
    earlier: utterances.length >= shown && shown < mostShown ? shown * 4 : undefined,
    hindrance: hindranceOf(deps),
    now: deps.clock.now(),
  }
}

/** Why the supervisor does not answer, with what to do about it. */
export function hindranceOf({ engine, agents }: PortalDeps): string {
  const message = engine.resource('agent', interlocutor)?.message ?? ''
  if (message !== '') return `The ${interlocutor} ${message}`
  const presence = agents.presence().find(({ name }) => name === interlocutor)
  if (presence === undefined) return `There is no agent called ${interlocutor}: name one in agents.yaml, and push.`
  return presence.activity === 'offline' ? `The ${interlocutor} is not running just now; it answers when it is back.` : ''
}
