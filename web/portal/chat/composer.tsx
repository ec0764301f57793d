/** @jsxImportSource hono/jsx */
import { Mistakes } from '../components/field.tsx'
import { urls } from '../urls.ts'
import { accepted, largestTogether, size } from './attachments.ts'
import { longestMessage } from './message-form.ts'

export interface ComposerProps {
  /** The conversation that goes on; undefined begins one. */
  readonly thread: string | undefined
  readonly text?: string
  readonly mistakes?: readonly string[]
  readonly focus?: boolean
}

/** Comes again, empty, when a message was sent without leaving the page; with what was typed when it could not be sent. */
export const Composer = ({ thread, text = '', mistakes = [], focus = false }: ComposerProps) => {
  const action = thread === undefined ? urls.chatBegin.to() : urls.chatSay.to(thread)
  return (
    <form
      id="say"
      class="composer"
      method="post"
      action={action}
      enctype="multipart/form-data"
      {...(thread === undefined ? {} : { 'hx-post': action, 'hx-swap': 'outerHTML' })}
    >
      {thread === undefined ? null : (
        <a href="#answering" class="latest">
          Latest
        </a>
      )}
      <Mistakes sentences={mistakes} />
      <label for="text" class="unseen">
        Message
      </label>
      <textarea
        id="text"
        name="text"
        rows={2}
        maxlength={longestMessage}
        placeholder="Say what you want done"
        data-enter-sends
        {...(focus ? { autofocus: true } : {})}
      >
        {text}
      </textarea>
      <button type="submit" class="main">
        Send
      </button>
      <div class="attach">
        <label>
          <span>Attach files</span>
          <input
            type="file"
            name="files"
            multiple
            accept={accepted}
            aria-describedby="attach-what"
            data-most={String(largestTogether)}
          />
        </label>
        <output data-picked></output>
        <small id="attach-what">{`text, images, PDF, up to ${size(largestTogether)}`}</small>
      </div>
    </form>
  )
}
