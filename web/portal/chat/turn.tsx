/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import { Ago } from '../components/time.tsx'
import { idFor, type Region, region } from '../live/regions.ts'
import type { Markdown } from '../markdown/markdown.ts'
import { render } from '../reply.ts'
import type { Part, Said, Step } from './conversations.ts'

/** One utterance as a row of the conversation; what streams in changes only the blocks that differ. */
export function turnRegion(said: Said, markdown: Markdown, now: Date): Region {
  const id = idFor('u', said.id)
  const rows = said.role === 'person' ? [words(id, said)] : bodyRows(id, said.parts, markdown)
  const html = (body: string) => render(<Turn id={id} said={said} body={body} now={now} />)
  return {
    id,
    within: 'turns',
    html: html(rows.map(row => row.html).join('')),
    rows: { frame: html(''), regions: rows },
  }
}

const bodyId = (turn: string) => `${turn}-body`

interface TurnProps {
  readonly id: string
  readonly said: Said
  readonly body: string
  readonly now: Date
}

const Turn = ({ id, said, body, now }: TurnProps) => (
  <li id={id} class={`turn by-${said.role}`} data-state={said.state}>
    <p class="by">
      <b>{said.by}</b> <Ago at={said.at} now={now} />
      <StandingWord said={said} />
    </p>
    <div id={bodyId(id)} class="body">
      {raw(body)}
    </div>
  </li>
)

const StandingWord = ({ said: { state, role } }: { readonly said: Said }) => {
  if (state === 'done') return null
  if (state === 'failed') return <span class="s-failed"> failed</span>
  if (role === 'person') return state === 'queued' ? <span class="s-waiting"> waits</span> : null
  return <span class="s-waiting"> {state === 'queued' ? 'begins anew' : 'answering'}</span>
}

/** What a person said, as it was typed. */
function words(turn: string, { text }: Said): Region {
  const id = `${turn}-0`
  return region(
    id,
    <p id={id} class="words">
      {text}
    </p>,
    { within: bodyId(turn), vanishes: true },
  )
}

function bodyRows(turn: string, parts: readonly Part[], markdown: Markdown): readonly Region[] {
  const within = bodyId(turn)
  const blocks = stretchesOf(parts).flatMap((stretch, at) => {
    if (typeof stretch === 'string') {
      return markdown(stretch).map((html, block) => (id: string) => (
        <div id={id} class="md" data-part={`${at}.${block}`}>
          {raw(html)}
        </div>
      ))
    }
    return [(id: string) => <Steps id={id} steps={stretch} />]
  })
  return blocks.map((block, at) => region(`${turn}-${at}`, block(`${turn}-${at}`), { within, vanishes: true }))
}

/** Text that belongs together, and steps that follow each other. */
function stretchesOf(parts: readonly Part[]): readonly (string | readonly Step[])[] {
  const stretches: (string | Step[])[] = []
  for (const part of parts) {
    const last = stretches.at(-1)
    if (part.type === 'text') {
      if (typeof last === 'string') stretches[stretches.length - 1] = last + part.text
      else stretches.push(part.text)
    } else if (Array.isArray(last)) last.push(part.step)
    else stretches.push([part.step])
  }
  return stretches
}

const outcomes: Record<Step['outcome'], string> = { running: 'reconciling', done: 'ready', failed: 'failed', denied: 'held' }

const Steps = ({ id, steps }: { readonly id: string; readonly steps: readonly Step[] }) => {
  const current = steps.findLast(step => step.outcome === 'running') ?? steps.at(-1)
  return (
    <details id={id} class="steps">
      <summary>
        {steps.length > 1 ? <small>{steps.length} steps</small> : null}
        <code>{current?.tool}</code> {current?.title}
      </summary>
      <ol>
        {steps.map(({ tool, title, outcome, summary }) => (
          <li>
            <span class={`s-${outcomes[outcome]}`}>{outcome}</span> <code>{tool}</code> {title}
            {summary === '' ? null : <p>{summary}</p>}
          </li>
        ))}
      </ol>
    </details>
  )
}
