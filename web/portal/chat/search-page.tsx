/** @jsxImportSource hono/jsx */
import type { FoundThread } from '../../../runtime/bus/search-threads.ts'
import type { Frame } from '../components/frame.ts'
import { Page } from '../components/layout.tsx'
import { Ago } from '../components/time.tsx'
import { urls } from '../urls.ts'
import { titleOf } from './conversations.ts'
import { SearchForm } from './threads.tsx'

interface SearchProps {
  readonly frame: Frame
  readonly words: string
  readonly found: readonly FoundThread[]
  readonly now: Date
}

/** Conversations in which words were found, the archived ones as well. */
export const SearchPage = ({ frame, words, found, now }: SearchProps) => (
  <Page frame={frame} title={`Search: ${words}`} room="chat">
    <header class="title">
      <h1>Conversations</h1>
      <p class="lead">
        {found.length === 0 ? 'None has these words.' : `${found.length} with these words.`}{' '}
        <a href={urls.chat.to()}>Back to the chat</a>
      </p>
    </header>
    <SearchForm words={words} />
    <ol class="found">
      {found.map(({ thread, excerpt }) => (
        <li>
          <h2>
            <a href={urls.chatThread.to(thread.id)}>{titleOf(thread)}</a>
          </h2>
          <p class="by">
            <Ago at={thread.saidAt} now={now} />
            {thread.archived ? ' archived' : null}
          </p>
          {excerpt === '' ? null : <p>{excerpt}</p>}
        </li>
      ))}
    </ol>
  </Page>
)
