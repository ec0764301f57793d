/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { ResourceState } from '../../../reconcilers/engine/status.ts'
import { type AuditEvent, auditTypes } from '../../../runtime/audit/event.ts'
import type { AuditHit } from '../../../runtime/audit/search.ts'
import { explainFlaw, type Verification } from '../../../runtime/audit/verify.ts'
import { Mistakes } from '../components/field.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago, moment } from '../components/time.tsx'
import { htmlOf, liveAddress, type Region, region } from '../live/regions.ts'
import { urls } from '../urls.ts'
import { addressOf, outcomes, type Query } from './query.ts'

/** What is said of one event; the live ones and those that were found look alike. */
export type Shown = Pick<AuditHit, keyof AuditEvent | 'timestamp' | 'sequence'>

export interface AuditView {
  readonly frame: Frame
  readonly query: Query
  readonly mistakes: readonly string[]
  readonly found: readonly Shown[]
  /** Where the next page begins. */
  readonly cursor: string | undefined
  /** The last events, newest first, where nothing else is looked for. */
  readonly tail: readonly Shown[] | undefined
  readonly agents: readonly string[]
  readonly verification: Verification | undefined
  readonly command: string
  readonly now: Date
}

export const auditRegions = (view: Pick<AuditView, 'frame' | 'tail' | 'now'>): readonly Region[] => [
  ...frameRegions(view.frame),
  ...(view.tail === undefined ? [] : [region('tail', <Tail tail={view.tail} now={view.now} />)]),
]

export const AuditPage = ({ view }: { readonly view: AuditView }) => {
  const { frame, query, mistakes, found, cursor, command } = view
  const regions = auditRegions(view)
  return (
    <Page
      frame={frame}
      title="Audit"
      room="audit"
      live={`${liveAddress(urls.auditLive.to(), regions)}${view.tail === undefined ? '&tail=no' : ''}`}
    >
      <header class="title">
        <h1>Audit</h1>
        <p class="lead">Everything that was done, by whom, in a file whose lines are chained: a changed one shows.</p>
      </header>
      <section aria-labelledby="verify-title" class="verify">
        <h2 id="verify-title" class="unseen">
          Verification
        </h2>
        <VerifyForm command={command} />
        <VerificationResult verification={view.verification} />
      </section>
      <section aria-labelledby="found-title">
        <h2 id="found-title" class="unseen">
          Search
        </h2>
        <SearchForm view={view} />
        <Mistakes sentences={mistakes} />
        {view.tail === undefined ? <Found found={found} now={view.now} /> : raw(htmlOf(regions, 'tail'))}
        {cursor === undefined ? null : (
          <p>
            <a class="second" href={addressOf(urls.audit.to(), query, { cursor })}>
              Older
            </a>
          </p>
        )}
      </section>
    </Page>
  )
}

const VerifyForm = ({ command }: { readonly command: string }) => (
  <form
    method="post"
    action={urls.auditVerify.to()}
    class="decide"
    hx-post={urls.auditVerify.to()}
    hx-target="#verification"
    hx-swap="outerHTML"
  >
    <button type="submit" class="second">
      Verify
    </button>
    <p class="hint">
      In a terminal: <code>{`${command} audit verify`}</code>
    </p>
  </form>
)

/** Always there, so that what comes has a place. */
export const VerificationResult = ({ verification }: Pick<AuditView, 'verification'>) => {
  if (verification === undefined) return <div id="verification" role="status"></div>
  const { sound, lines, flaws, anchor } = verification
  return (
    <div id="verification" role="status">
      <p class="big">
        <StateWord
          state={sound ? 'ready' : 'failed'}
          word={sound ? 'nothing was changed' : 'it was tampered with, or is damaged'}
        />
      </p>
      <p>
        {lines} {lines === 1 ? 'line' : 'lines'} read.{' '}
        {anchor === undefined ? 'No signed note was there to compare with.' : 'It agrees as far as the signed notes reach.'}
      </p>
      {flaws.length === 0 ? null : (
        <ul class="mistakes">
          {flaws.map(flaw => (
            <li>{explainFlaw(flaw)}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

const Tail = ({ tail, now }: { readonly tail: readonly Shown[]; readonly now: Date }) => (
  <section id="tail" aria-label="The latest, as it is written">
    <Trail events={tail} now={now} />
  </section>
)

const Found = ({ found, now }: Pick<AuditView, 'found' | 'now'>) => (
  <>
    <p class="hint">
      <a href={urls.audit.to()}>Back to the latest</a>
    </p>
    {found.length === 0 ? <p class="calm">Nothing like that was done.</p> : <Trail events={found} now={now} />}
  </>
)

const looks: Record<AuditEvent['outcome'], { readonly state: ResourceState; readonly word: string }> = {
  intent: { state: 'reconciling', word: 'about to' },
  success: { state: 'ready', word: 'done' },
  failure: { state: 'failed', word: 'failed' },
  denied: { state: 'held', word: 'denied' },
}

const Trail = ({ events, now }: { readonly events: readonly Shown[]; readonly now: Date }) => (
  <ol class="trail">
    {events.map(event => (
      <li>
        <StateWord {...looks[event.outcome]} />
        <p>
          <b>{event.agent || event.user.replace(/^(?:person|operator) /, '') || 'appliance'}</b> <code>{event.action}</code>{' '}
          <span>{event.target}</span>
        </p>
        <Ago at={event.timestamp} now={now} />
        <Details event={event} />
      </li>
    ))}
  </ol>
)

const Details = ({ event }: { readonly event: Shown }) => {
  const { type, user, agent, session, address, details, sequence, timestamp } = event
  const facts = [
    ['type', type],
    ['agent', agent],
    ['who', user],
    ['when', moment(timestamp)],
    ['line', sequence === undefined ? '' : String(sequence)],
    ['session', session ?? ''],
    ['address', address ?? ''],
    ['details', details === undefined ? '' : JSON.stringify(details)],
  ] as const
  return (
    <details>
      <summary>
        <small>{type}</small>
      </summary>
      <dl class="shown">
        {facts.map(([name, text]) =>
          text === '' ? null : (
            <div>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ),
        )}
      </dl>
    </details>
  )
}

const SearchForm = ({ view: { query, agents } }: { readonly view: AuditView }) => (
  <form method="get" action={urls.audit.to()} class="filter">
    <label>
      Text <input type="search" name="text" value={query.text} maxlength={300} />
    </label>
    <Choice name="type" label="Type" options={auditTypes} chosen={query.type} />
    <Choice name="outcome" label="Outcome" options={outcomes} chosen={query.outcome} />
    <Choice name="agent" label="Agent" options={agents} chosen={query.agent} />
    <label>
      Person <input type="text" name="user" value={query.user} maxlength={300} placeholder="ada@example.com" />
    </label>
    <label>
      From, UTC <input type="datetime-local" name="from" value={query.from} />
    </label>
    <label>
      To, UTC <input type="datetime-local" name="to" value={query.to} />
    </label>
    <button type="submit" class="second">
      Search
    </button>
  </form>
)

interface ChoiceProps {
  readonly name: string
  readonly label: string
  readonly options: readonly string[]
  readonly chosen: string
}

const Choice = ({ name, label, options, chosen }: ChoiceProps) => (
  <label>
    {label}{' '}
    <select name={name}>
      <option value="">any</option>
      {options.map(option => (
        <option value={option} selected={option === chosen}>
          {option}
        </option>
      ))}
    </select>
  </label>
)
