/** @jsxImportSource hono/jsx */
import type { Thread } from '../../../runtime/bus/agents.ts'
import { TextField } from '../components/field.tsx'
import { Ago } from '../components/time.tsx'
import { urls } from '../urls.ts'
import { titleOf } from './conversations.ts'

interface ThreadsProps {
  readonly threads: readonly Thread[]
  /** The one that is open. */
  readonly thread: Thread | undefined
  readonly now: Date
}

export const Threads = ({ threads, thread, now }: ThreadsProps) => {
  const archived = threads.filter(each => each.archived)
  return (
    <nav id="threads" class="threads" aria-label="Conversations">
      <h2>Conversations</h2>
      <p>
        <a href={urls.chatNew.to()} class="second small">
          New conversation
        </a>
      </p>
      <SearchForm words="" />
      <ThreadList threads={threads.filter(each => !each.archived)} thread={thread} now={now} />
      {archived.length === 0 ? null : (
        <details id="archived" class="fold">
          <summary>{archived.length} archived</summary>
          <ThreadList threads={archived} thread={thread} now={now} />
        </details>
      )}
    </nav>
  )
}

export const SearchForm = ({ words }: { readonly words: string }) => (
  <search class="search">
    <form method="get" action={urls.chat.to()}>
      <label for="words" class="unseen">
        Search conversations
      </label>
      <input id="words" type="search" name="words" value={words} maxlength={200} placeholder="Search conversations" />
    </form>
  </search>
)

const ThreadList = ({ threads, thread, now }: ThreadsProps) => (
  <ul>
    {threads.map(each => (
      <li>
        <a
          href={urls.chatThread.to(each.id)}
          title={titleOf(each)}
          {...(each.id === thread?.id ? { 'aria-current': 'page' } : {})}
        >
          {titleOf(each)}
        </a>{' '}
        <Ago at={each.saidAt} now={now} />
      </li>
    ))}
  </ul>
)

/** What one does with a conversation as a whole. */
export const ThreadSettings = ({ thread }: { readonly thread: Thread }) => (
  <details class="fold">
    <summary>Rename, archive, delete</summary>
    <form method="post" action={urls.chatRename.to(thread.id)} class="decide">
      <TextField name="title" label="Name" value={titleOf(thread)} required maxlength={200} />
      <button type="submit" class="second">
        Rename
      </button>
    </form>
    <form method="post" action={urls.chatArchive.to(thread.id)}>
      <input type="hidden" name="archived" value={thread.archived ? 'no' : 'yes'} />
      <button type="submit" class="second">
        {thread.archived ? 'Put back' : 'Archive'}
      </button>
    </form>
    <details class="fold">
      <summary>Delete …</summary>
      <form method="post" action={urls.chatForget.to(thread.id)}>
        <p class="hint">All that was said in it is gone for good. Tasks, their results and the audit stay.</p>
        <button type="submit" class="main danger">
          Delete this conversation
        </button>
      </form>
    </details>
  </details>
)
