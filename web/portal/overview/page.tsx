/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Hold, ResourceState, ResourceStatus, Status } from '../../../reconcilers/engine/status.ts'
import type { Alert } from '../../../runtime/health/alerts.ts'
import type { Approval } from '../../../runtime/policy/action.ts'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateMark, StateWord } from '../components/state.tsx'
import { Ago, short } from '../components/time.tsx'
import { htmlOf, idFor, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import { urls } from '../urls.ts'
import type { Happening } from './lately.ts'
import { countStates, headline, statesByUrgency } from './words.ts'

export interface OverviewView {
  readonly frame: Frame
  readonly status: Status
  readonly holds: readonly Hold[]
  readonly alerts: readonly Alert[]
  /** What agents ask a person. */
  readonly asked: readonly Approval[]
  readonly lately: readonly Happening[]
  readonly cloneCommand: string
  readonly now: Date
}

/** The live parts, outermost first; the page and its stream show the same. */
export function overviewRegions(view: OverviewView): readonly Region[] {
  return [
    ...frameRegions(view.frame),
    region('verdict', <VerdictPanel {...view} />),
    region('needs', <NeedsYou {...view} />),
    region('lately', <LatelyPanel {...view} />),
    ...view.status.resources.map(each => resourceRegion(each, view.now)),
  ]
}

export const OverviewPage = ({ view, notice }: { readonly view: OverviewView; readonly notice?: string | undefined }) => {
  const regions = overviewRegions(view)
  return (
    <Page frame={view.frame} title="Overview" room="overview" live={liveAddress(urls.overviewLive.to(), regions)} notice={notice}>
      {raw(htmlOf(regions, 'verdict'))}
      <div class="pair">
        {raw(htmlOf(regions, 'needs'))}
        {raw(htmlOf(regions, 'lately'))}
      </div>
      {view.status.resources.length === 0 ? (
        <FirstPush cloneCommand={view.cloneCommand} />
      ) : (
        <section aria-labelledby="resources-title">
          <h2 id="resources-title">Resources</h2>
          <table class="ledger resources">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Resource</th>
                <th scope="col">Reason</th>
                <th scope="col">What it says</th>
                <th scope="col" class="when">
                  Since
                </th>
              </tr>
            </thead>
            <tbody id="rows">{raw(rowsOf(regions, 'rows'))}</tbody>
          </table>
        </section>
      )}
    </Page>
  )
}

const VerdictPanel = ({ status, holds }: OverviewView) => {
  const { tone, title, detail } = headline(status, holds)
  const counts = countStates(status.resources)
  return (
    <header id="verdict" class="verdict">
      <div class="say">
        <h1 {...(tone === undefined ? {} : { class: `s-${tone}` })}>{title}</h1>
        <p>{detail}</p>
      </div>
      <Scale resources={status.resources} />
      <dl class="facts">
        <div>
          <dt>Applied</dt>
          <dd>{status.revision === '' ? 'nothing yet' : <RevisionLink revision={status.revision} />}</dd>
        </div>
        <div>
          <dt>Declared</dt>
          <dd>{status.desired === '' ? 'nothing yet' : <RevisionLink revision={status.desired} />}</dd>
        </div>
        {statesByUrgency.map(state => (
          <div class={counts.has(state) ? `s-${state}` : 'none'}>
            <dt>
              <StateMark state={state} /> {state}
            </dt>
            <dd>{counts.get(state) ?? 0}</dd>
          </div>
        ))}
      </dl>
    </header>
  )
}

const RevisionLink = ({ revision }: { readonly revision: string }) => <a href={urls.change.to(revision)}>{short(revision)}</a>

/** Marks on the rule, with or without a resource at each. */
const fewestTicks = 80
/** The most ticks that are still told apart. */
const mostTicks = 240

/** One tick for each resource, as on a rule; those that want attention stand out longer. */
const Scale = ({ resources }: { readonly resources: readonly ResourceStatus[] }) => {
  const shown = resources.length > mostTicks ? sampleByUrgency(resources) : resources
  const marks = Math.max(fewestTicks, shown.length)
  const empty = Array.from({ length: marks - shown.length }, (_, at) => `M${(shown.length + at) * 6} 20h1v4h-1z`)
  const ticksOf = (wanted: ResourceState) =>
    shown.map(({ state }, at) => (state === wanted ? `M${at * 6} ${heights[state]}h2V24h-2z` : '')).join('')
  return (
    <svg class="scale" viewBox={`0 0 ${marks * 6} 24`} preserveAspectRatio="none" aria-hidden="true">
      <path class="empty" d={empty.join('')} />
      {statesByUrgency.map(state => (
        <path class={`s-${state}`} d={ticksOf(state)} />
      ))}
    </svg>
  )
}

const heights: Record<ResourceState, number> = {
  ready: 12,
  suspended: 16,
  reconciling: 8,
  waiting: 4,
  held: 4,
  stalled: 0,
  failed: 0,
}

const sampleByUrgency = (resources: readonly ResourceStatus[]) =>
  statesByUrgency.flatMap(state => resources.filter(each => each.state === state)).slice(0, mostTicks)

interface Note {
  readonly state: ResourceState
  readonly word: string
  readonly to: string
  readonly name: string
  readonly text: string
  readonly at: string
}

/** Each line has an id by its place, so that a live update rewrites lines instead of pushing them down. */
const Notes = ({ within, notes, now }: { readonly within: string; readonly notes: readonly Note[]; readonly now: Date }) => (
  <ul class="brief">
    {notes.map((note, at) => (
      <li id={`${within}-${at}`}>
        <StateWord state={note.state} word={note.word} />
        <a href={note.to}>
          <code>{note.name}</code>
        </a>
        <span title={note.text}>{note.text}</span>
        <Ago at={note.at} now={now} />
      </li>
    ))}
  </ul>
)

const mostNotes = 20
const wanting: readonly ResourceState[] = ['failed', 'stalled', 'waiting']

function wants({ status, holds, alerts, asked }: OverviewView): readonly Note[] {
  const held = holds.map(({ id, revision, reason, since }): Note => {
    return { state: 'held', word: 'held', to: urls.held.to(id), name: short(revision), text: reason, at: since }
  })
  const asks = asked.slice(0, mostNotes).map(({ id, agent, title, askedAt }): Note => {
    return { state: 'held', word: 'asks', to: urls.approval.to(id), name: agent, text: title, at: askedAt }
  })
  const raised = alerts.map(({ severity, subject, message, at }): Note => {
    const [kind = '', name = ''] = subject.split('/')
    const to = kind === 'agent' ? urls.agent.to(name) : urls.overview.to()
    return { state: severity === 'critical' ? 'failed' : 'waiting', word: severity, to, name: name || kind, text: message, at }
  })
  const urgent = wanting.flatMap(wanted => status.resources.filter(each => each.state === wanted))
  return [
    ...held,
    ...asks,
    ...raised,
    ...urgent.slice(0, mostNotes).map(({ kind, key, state, message, since }): Note => {
      return { state, word: state, to: urls.resource.to(kind, key), name: key, text: message, at: since }
    }),
  ]
}

const NeedsYou = (view: OverviewView) => {
  const notes = wants(view)
  const [first] = notes
  return (
    <section
      id="needs"
      class={first === undefined ? 'panel' : `panel wanted s-${first.state}`}
      aria-labelledby="needs-title"
      tabindex={0}
    >
      <h2 id="needs-title">Needs you</h2>
      {first === undefined ? <p class="calm">Nothing. Whatever drifts is put back by itself.</p> : null}
      <Notes within="need" notes={notes} now={view.now} />
    </section>
  )
}

const LatelyPanel = ({ lately, now }: OverviewView) => (
  <section id="lately" class="panel" aria-labelledby="lately-title" tabindex={0}>
    <h2 id="lately-title">Lately</h2>
    {lately.length === 0 ? <p class="calm">Nothing has changed since the appliance started.</p> : null}
    <Notes
      within="late"
      now={now}
      notes={lately.map(({ outcome, kind, key, summary, at }) => {
        const state = outcome === 'verified' ? 'ready' : outcome
        return { state, word: outcome, to: urls.resource.to(kind, key), name: key, text: summary, at }
      })}
    />
  </section>
)

const resourceRegion = (each: ResourceStatus, now: Date): Region => {
  const id = idFor('r', `${each.kind}/${each.key}`)
  return region(id, <ResourceRow id={id} resource={each} now={now} />, { within: 'rows' })
}

interface RowProps {
  readonly id: string
  readonly resource: ResourceStatus
  readonly now: Date
}

const ResourceRow = ({ id, resource: { kind, key, state, reason, message, since }, now }: RowProps) => (
  <tr id={id} class={`row-${state}`}>
    <td>
      <StateWord state={state} />
    </td>
    <th scope="row">
      <a href={urls.resource.to(kind, key)}>
        <small>{kind}</small> <code>{key}</code>
      </a>
    </th>
    <td class="reason">
      <code>{reason}</code>
    </td>
    <td class="says" title={message}>
      {message}
    </td>
    <td>
      <Ago at={since} now={now} />
    </td>
  </tr>
)

const FirstPush = ({ cloneCommand }: { readonly cloneCommand: string }) => (
  <section class="empty">
    <h2>Say what this server should be</h2>
    <p>Clone its repository, edit a file, push. The push prints the plan, then each change as it is verified.</p>
    <pre>
      <code>{`${cloneCommand} server\ncd server\n$EDITOR domains.yaml\ngit commit -am "my first site" && git push`}</code>
    </pre>
  </section>
)
