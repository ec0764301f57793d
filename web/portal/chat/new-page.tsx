/** @jsxImportSource hono/jsx */
import type { Thread } from '../../../runtime/bus/agents.ts'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { urls } from '../urls.ts'
import { Composer, type ComposerProps } from './composer.tsx'
import { Threads } from './threads.tsx'

interface NewChatProps {
  readonly frame: Frame
  readonly threads: readonly Thread[]
  readonly hindrance: string
  readonly now: Date
  readonly composer?: Omit<ComposerProps, 'thread'>
  readonly notice?: string | undefined
}

const examples = [
  'Build a landing page for my bakery, check it, and put it on bakery.example.com.',
  'Which sites does this server serve, and is any of them unwell?',
  'Look through the nginx logs of the last day and tell me what I should know.',
  'Compare three ways to back up a Postgres database of 50 GB, with sources.',
]

/** Where a conversation begins. */
export const NewChatPage = ({ frame, threads, hindrance, now, composer = {}, notice }: NewChatProps) => (
  <Page frame={frame} title="New conversation" room="chat" scripts notice={notice}>
    <div class="chat">
      <section class="conversation" aria-label="Conversation">
        <header>
          <h1>What should happen?</h1>
          <p class="lead">The supervisor plans it, hands it out, and asks you before anything on the server changes.</p>
        </header>
        <div class="talk begin">
          <ul class="examples" aria-label="For example">
            {examples.map(example => (
              <li>
                <a href={`${urls.chatNew.to()}?text=${encodeURIComponent(example)}`}>{example}</a>
              </li>
            ))}
          </ul>
        </div>
        <div class="answering">{hindrance === '' ? null : <p class="s-waiting">{hindrance}</p>}</div>
        <Composer thread={undefined} focus {...composer} />
      </section>
      <aside>
        <Threads threads={threads} thread={undefined} now={now} />
      </aside>
    </div>
  </Page>
)
