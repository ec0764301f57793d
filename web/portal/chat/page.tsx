/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Frame } from '../components/frame.ts'
import { CrewList, Page } from '../components/layout.tsx'
import { Ago } from '../components/time.tsx'
import { htmlOf, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import type { Markdown } from '../markdown/markdown.ts'
import { urls } from '../urls.ts'
import { Composer, type ComposerProps } from './composer.tsx'
import type { Said, Thread } from './conversations.ts'
import { turnRegion } from './turn.tsx'

export interface ChatView {
  readonly frame: Frame
  readonly threads: readonly Thread[]
  readonly thread: Thread
  readonly said: readonly Said[]
  readonly markdown: Markdown
  readonly now: Date
}

export const chatRegions = (view: ChatView): readonly Region[] => [
  region('crew', <CrewList agents={view.frame.agents} />),
  region('threads', <Threads {...view} />),
  ...view.said.map(each => turnRegion(each, view.markdown, view.now)),
]

interface ChatPageProps {
  readonly view: ChatView
  readonly composer?: Omit<ComposerProps, 'thread'>
  readonly notice?: string | undefined
}

export const ChatPage = ({ view, composer = {}, notice }: ChatPageProps) => {
  const { frame, thread } = view
  const regions = chatRegions(view)
  return (
    <Page frame={frame} title={thread.title} room="chat" live={liveAddress(urls.chatLive.to(thread.id), regions)} notice={notice}>
      <div class="chat">
        <section class="conversation" aria-label="Conversation">
          <header>
            <h1>{thread.title}</h1>
          </header>
          <div class="talk" tabindex={0}>
            <ol id="turns" aria-live="polite">
              {raw(rowsOf(regions, 'turns'))}
            </ol>
          </div>
          <Composer thread={thread.id} {...composer} />
        </section>
        <aside>{raw(htmlOf(regions, 'threads'))}</aside>
      </div>
    </Page>
  )
}

interface NewChatProps {
  readonly frame: Frame
  readonly threads: readonly Thread[]
  readonly now: Date
  readonly composer?: Omit<ComposerProps, 'thread'>
}

const examples = [
  'Build a landing page for my bakery, check it, and put it on bakery.example.com.',
  'Which sites does this server serve, and is any of them unwell?',
  'Look through the nginx logs of the last day and tell me what I should know.',
  'Compare three ways to back up a Postgres database of 50 GB, with sources.',
]

export const NewChatPage = ({ frame, threads, now, composer = {} }: NewChatProps) => (
  <Page frame={frame} title="New conversation" room="chat">
    <div class="chat">
      <section class="conversation" aria-label="Conversation">
        <header>
          <h1>What should happen?</h1>
          <p class="lead">The supervisor plans it, hands it out, and asks you before anything on the server changes.</p>
        </header>
        <div class="talk">
          <ul class="examples">
            {examples.map(example => (
              <li>
                <a href={`${urls.chatNew.to()}?text=${encodeURIComponent(example)}`}>{example}</a>
              </li>
            ))}
          </ul>
        </div>
        <Composer thread={undefined} focus {...composer} />
      </section>
      <aside>
        <Threads threads={threads} thread={undefined} now={now} />
      </aside>
    </div>
  </Page>
)

interface ThreadsProps {
  readonly threads: readonly Thread[]
  readonly thread: Thread | undefined
  readonly now: Date
}

const Threads = ({ threads, thread, now }: ThreadsProps) => (
  <nav id="threads" class="threads" aria-label="Conversations">
    <h2>Conversations</h2>
    <p>
      <a href={urls.chatNew.to()}>New conversation</a>
    </p>
    <ul>
      {threads.map(each => (
        <li>
          <a href={urls.chatThread.to(each.id)} {...(each.id === thread?.id ? { 'aria-current': 'page' } : {})}>
            {each.title}
          </a>{' '}
          <Ago at={each.at} now={now} />
        </li>
      ))}
    </ul>
  </nav>
)
