/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Utterance, WorkStep } from '../../../runtime/bus/agents.ts'
import { Ago } from '../components/time.tsx'
import { idFor, type Region, region } from '../live/regions.ts'
import type { Markdown } from '../markdown/markdown.ts'
import { render } from '../reply.ts'
import { listed } from './attachments.ts'
import type { Part, Said } from './conversations.ts'
import { Rating, RetryForm } from './feedback.tsx'
import { Steps } from './steps.tsx'

interface Around {
  readonly markdown: Markdown
  /** The conversation, for forms; none where nothing can be said about it. */
  readonly thread: string | undefined
  readonly now: Date
}

export type TurnRenderer = (said: Said, around: Around) => Region

/** How old a rendered turn may be, in milliseconds: it says how long ago it was said. */
const freshness = 5_000

/** Renders only what differs from the last time; a long conversation would else be rendered for each piece of an answer. */
export function rememberTurns(): TurnRenderer {
  const known = new WeakMap<Utterance, { readonly steps: string; readonly until: number; readonly region: Region }>()
  return (said, around) => {
    const at = around.now.getTime()
    const steps = JSON.stringify([said.rating, said.parts.flatMap(part => (part.type === 'step' ? part.step : []))])
    const old = known.get(said.source)
    if (old !== undefined && old.until > at && old.steps === steps) return old.region
    const region = turnRegion(said, around)
    known.set(said.source, { steps, until: at + freshness, region })
    return region
  }
}

/** One utterance as a row of the conversation; what streams in changes only the blocks that differ. */
export function turnRegion(said: Said, around: Around): Region {
  const id = idFor('u', said.id)
  const rows = said.role === 'person' ? [wordsRow(id, said)] : partRows(id, said.parts, around.markdown)
  const html = (body: string) => render(<Turn id={id} said={said} body={body} around={around} />)
  return {
    id,
    within: 'turns',
    // Needed once, while the rows of an answer that streams in are needed for each piece of it.
    get html() {
      return html(rows.map(row => row.html).join(''))
    },
    rows: { frame: html(''), regions: rows },
  }
}

const bodyId = (turn: string) => `${turn}-body`

const Body = ({ id, body }: { readonly id: string; readonly body: string }) => (
  <div id={bodyId(id)} class="body">
    {raw(body)}
  </div>
)

/** Reports of agents are long, and the supervisor speaks of them: what they are about stands in their first line. */
const headlineOf = ({ text }: Said): string => {
  const line = text.trimStart().split('\n', 1)[0] ?? ''
  return line.length > 160 ? `${line.slice(0, 159)}…` : line
}

interface TurnProps {
  readonly id: string
  readonly said: Said
  readonly body: string
  readonly around: Around
}

const Turn = ({ id, said, body, around: { thread, now } }: TurnProps) => (
  <li id={id} class={`turn by-${said.role}`} data-state={said.state} aria-busy={isBusy(said) ? 'true' : 'false'}>
    <p class="by">
      <b>{said.by}</b> <Ago at={said.at} now={now} />
      <StandingWord said={said} />
    </p>
    {said.role === 'event' ? (
      <details class="told">
        <summary>{headlineOf(said)}</summary>
        <Body id={id} body={body} />
      </details>
    ) : (
      <Body id={id} body={body} />
    )}
    <Files said={said} />
    {thread === undefined || said.role !== 'agent' ? null : said.state === 'done' ? (
      <Rating thread={thread} said={said} />
    ) : said.state === 'failed' ? (
      <RetryForm thread={thread} said={said} />
    ) : null}
  </li>
)

/** Who listens to the page hears an answer once it is whole, and not piece by piece. */
const isBusy = ({ role, state }: Said): boolean => role === 'agent' && (state === 'answering' || state === 'queued')

const StandingWord = ({ said: { state, role } }: { readonly said: Said }) => {
  if (state === 'done' || (state === 'failed' && role !== 'agent')) return null
  if (state === 'failed') return <span class="s-failed"> not finished</span>
  if (role !== 'agent') return state === 'queued' ? <span class="s-waiting"> waits</span> : null
  return <span class="s-waiting"> {state === 'queued' ? 'begins anew' : 'answering'}</span>
}

const Files = ({ said: { attachments = [] } }: { readonly said: Said }) => {
  const files = listed(attachments)
  return files.length === 0 ? null : (
    <ul class="files" aria-label="Files">
      {files.map(({ name, type, size }) => (
        <li>
          {name} <small>{`${type}, ${size}`}</small>
        </li>
      ))}
    </ul>
  )
}

/** What a person said, as it was typed. */
function wordsRow(turn: string, { text }: Said): Region {
  const id = `${turn}-0`
  const words = (
    <p id={id} class="words">
      {text}
    </p>
  )
  return region(id, words, { within: bodyId(turn), vanishes: true })
}

function partRows(turn: string, parts: readonly Part[], markdown: Markdown): readonly Region[] {
  const blocks = stretchesOf(parts).flatMap((stretch): readonly ((id: string) => string)[] =>
    typeof stretch === 'string'
      ? markdown(stretch).map(html => id => block(id, html))
      : [id => render(<Steps id={id} steps={stretch} />)],
  )
  return blocks.map((html, at) => {
    const id = `${turn}-${at}`
    return { id, html: html(id), within: bodyId(turn), vanishes: true }
  })
}

/** Put together by hand: a long answer has a hundred of them, and each of its pieces looks at all. */
const block = (id: string, html: string): string => `<div id="${id}" class="md">${html}</div>`

/** Text that belongs together, and steps that follow each other. */
function stretchesOf(parts: readonly Part[]): readonly (string | readonly WorkStep[])[] {
  const stretches: (string | WorkStep[])[] = []
  for (const part of parts) {
    const last = stretches.at(-1)
    if (part.type === 'text') {
      if (part.text.trim() !== '') stretches.push(part.text)
    } else if (Array.isArray(last)) last.push(part.step)
    else stretches.push([part.step])
  }
  return stretches
}
