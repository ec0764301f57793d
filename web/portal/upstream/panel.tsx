/** @jsxImportSource hono/jsx */
import type { Standing } from '../../../desired-state/upstream-standing.ts'
import type { ResourceState } from '../../../reconcilers/engine/status.ts'
import { Fact } from '../components/facts.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago, short } from '../components/time.tsx'
import { urls } from '../urls.ts'

interface PanelProps {
  readonly standing: Standing
  readonly now: Date
}

/** How main stands beside the repository elsewhere, and what a person may choose between; nothing where there is none. */
export const UpstreamPanel = ({ standing, now }: PanelProps) => {
  const { url, branch, main, head, seenAt, problem, choices, unsent } = standing
  if (url === '') return null
  const { state, word } = wordOf(standing)
  return (
    <section
      id="upstream"
      class={`panel upstream${problem === undefined ? '' : ` wanted s-${state}`}`}
      aria-labelledby="upstream-title"
    >
      <h2 id="upstream-title">Upstream</h2>
      <p class="big">
        <StateWord state={state} word={word} />
      </p>
      {problem === undefined ? null : <p class="message">{problem.message}</p>}
      {unsent === undefined ? null : <p class="message">{unsent}</p>}
      {problem === undefined || problem.lines.length === 0 ? null : (
        <pre>
          <code>{problem.lines.join('\n')}</code>
        </pre>
      )}
      <dl class="facts">
        <Fact name="Elsewhere">{branch === 'main' ? url : `${url}, ${branch}`}</Fact>
        <Fact name="Main there">{head === undefined ? 'nothing' : short(head)}</Fact>
        <Fact name="Main here">
          <a href={urls.change.to(main)}>{short(main)}</a>
        </Fact>
        <Fact name="Asked">{seenAt === undefined ? 'not yet' : <Ago at={seenAt} now={now} />}</Fact>
      </dl>
      {choices.length === 0 ? (
        <form method="post" action={urls.upstreamFetch.to()}>
          <button type="submit" class="second">
            Ask it now
          </button>
        </form>
      ) : (
        <Choices standing={standing} />
      )}
    </section>
  )
}

function wordOf({ problem, unsent, main, head }: Standing): { readonly state: ResourceState; readonly word: string } {
  if (problem !== undefined) return { state: problem.state, word: words[problem.reason] }
  if (unsent !== undefined) return { state: 'failed', word: 'not sent there yet' }
  return head === main ? { state: 'ready', word: 'the same on both sides' } : { state: 'reconciling', word: 'on its way there' }
}

const words: Record<NonNullable<Standing['problem']>['reason'], string> = {
  gone: 'its branch is gone',
  rewritten: 'its history was rewritten',
  diverged: 'both sides have moved',
  unrelated: 'two histories',
  invalid: 'a commit there is refused',
  'too-large': 'too large to be fetched',
  malformed: 'a commit there is malformed',
  unusable: 'its address cannot be used',
  away: 'away',
}

/** Bound to the heads that are shown; the same as commands, for who would rather type. */
const Choices = ({ standing: { problem, choices } }: Pick<PanelProps, 'standing'>) => (
  <div class="either">
    {choices.map(({ command, effect }) => (
      <div>
        {command.includes(' adopt ') ? (
          <a class="second" href={urls.upstreamAdopt.to()}>
            Take what is there
          </a>
        ) : (
          <form method="post" action={urls.upstreamKeep.to()}>
            <input type="hidden" name="main" value={problem?.main ?? ''} />
            <input type="hidden" name="head" value={problem?.head ?? ''} />
            <button type="submit" class="second">
              Keep what is here
            </button>
          </form>
        )}
        <p class="hint">It {effect}.</p>
        <p class="hint">
          <code>{command}</code>
        </p>
      </div>
    ))}
  </div>
)
