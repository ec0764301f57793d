/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Thread } from '../../../runtime/bus/agents.ts'
import type { Approval } from '../../../runtime/policy/action.ts'
import type { Task } from '../../../runtime/tasks/task.ts'
import { ApprovalCard, cardId } from '../approvals/card.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { htmlOf, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import type { Markdown } from '../markdown/markdown.ts'
import { urls } from '../urls.ts'
import { Composer, type ComposerProps } from './composer.tsx'
import { type Said, titleOf } from './conversations.ts'
import { ThreadSettings, Threads } from './threads.tsx'
import { type TurnRenderer, turnRegion } from './turn.tsx'
import { WorkBrief, WorkPanel } from './work.tsx'

export interface ChatView {
  readonly frame: Frame
  readonly threads: readonly Thread[]
  readonly thread: Thread
  readonly said: readonly Said[]
  /** There is more before what is shown; so many would be. */
  readonly earlier: number | undefined
  readonly tasks: readonly Task[]
  /** What this conversation asks a person, and what was answered while it was looked at. */
  readonly asked: readonly Approval[]
  /** Why the supervisor does not answer; empty when it does. */
  readonly hindrance: string
  readonly markdown: Markdown
  readonly now: Date
}

export const chatRegions = (
  view: ChatView,
  turn: TurnRenderer = turnRegion,
  around: readonly Region[] = regionsAround(view),
): readonly Region[] => [
  ...around,
  ...view.said.map(each => turn(each, { markdown: view.markdown, thread: view.thread.id, now: view.now })),
]

/** Everything but the words. */
export const regionsAround = (view: ChatView): readonly Region[] => {
  const { thread, tasks, asked, now } = view
  return [
    ...frameRegions(view.frame),
    region('threads', <Threads {...view} />),
    region('work', <WorkPanel thread={thread.id} tasks={tasks} />),
    region('work-brief', <WorkBrief tasks={tasks} />),
    region('taint', <Taint thread={thread} />),
    ...asked.map(approval =>
      region(cardId(approval), <ApprovalCard approval={approval} back={urls.chatThread.to(thread.id)} now={now} />, {
        within: 'asks',
      }),
    ),
    region('answering', <Answering {...view} />),
  ]
}

interface ChatPageProps {
  readonly view: ChatView
  readonly composer?: Omit<ComposerProps, 'thread'>
  readonly notice?: string | undefined
}

export const ChatPage = ({ view, composer = {}, notice }: ChatPageProps) => {
  const { frame, thread, earlier } = view
  const regions = chatRegions(view)
  return (
    <Page
      frame={frame}
      title={titleOf(thread)}
      room="chat"
      live={liveAddress(urls.chatLive.to(thread.id), regions)}
      notice={notice}
    >
      <div class="chat">
        <section class="conversation" aria-label="Conversation">
          <header>
            <h1>{titleOf(thread)}</h1>
            {raw(htmlOf(regions, 'taint'))}
            {raw(htmlOf(regions, 'work-brief'))}
          </header>
          <div class="talk" tabindex={0}>
            <div class="flow">
              {earlier === undefined ? null : (
                <p>
                  <a href={`${urls.chatThread.to(thread.id)}?show=${earlier}`}>Earlier</a>
                </p>
              )}
              <ol id="turns" aria-live="polite">
                {raw(rowsOf(regions, 'turns'))}
              </ol>
              <div id="asks">{raw(rowsOf(regions, 'asks'))}</div>
            </div>
          </div>
          {raw(htmlOf(regions, 'answering'))}
          <Composer thread={thread.id} {...composer} />
        </section>
        <aside>
          {raw(htmlOf(regions, 'work'))}
          {raw(htmlOf(regions, 'threads'))}
          <ThreadSettings thread={thread} />
        </aside>
      </div>
    </Page>
  )
}

const Taint = ({ thread: { tainted, sources } }: Pick<ChatView, 'thread'>) => (
  <p id="taint" class="hint">
    {tainted ? (
      <span title={sources.join(', ')}>Text of strangers is in this conversation: sending, secrets and approvals need you.</span>
    ) : null}
  </p>
)

/** Always as high as one line, so that nothing moves when it begins to answer. */
const Answering = ({ thread, said, hindrance }: ChatView) => {
  const work = said.findLast(({ role, state }) => role !== 'agent' && (state === 'answering' || state === 'queued'))
  return (
    <div id="answering" class="answering">
      {hindrance === '' ? null : <p class="s-waiting">{hindrance}</p>}
      {work === undefined ? null : (
        <form method="post" action={urls.chatStop.to(thread.id)} hx-post={urls.chatStop.to(thread.id)} hx-swap="none">
          <input type="hidden" name="work" value={work.id} />
          <button type="submit" class="second small">
            Stop
          </button>
        </form>
      )}
    </div>
  )
}
