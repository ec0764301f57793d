/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Hold } from '../../../reconcilers/engine/status.ts'
import type { Approval } from '../../../runtime/policy/action.ts'
import { Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago } from '../components/time.tsx'
import { htmlOf, idFor, liveAddress, type Region, region, rowsOf } from '../live/regions.ts'
import { urls } from '../urls.ts'
import { ApprovalCard, ApprovalWord, cardId } from './card.tsx'

export interface ApprovalsView {
  readonly frame: Frame
  /** What waits, and what was decided while this page was looked at: it stays where it is. */
  readonly asked: readonly Approval[]
  readonly holds: readonly Hold[]
  readonly recent: readonly Approval[]
  readonly now: Date
}

export const approvalsRegions = (view: ApprovalsView): readonly Region[] => [
  ...frameRegions(view.frame),
  region('calm', <Calm {...view} />),
  ...view.holds.map(hold => holdRegion(hold, view.now)),
  ...view.asked.map(approval =>
    region(cardId(approval), <ApprovalCard approval={approval} back={urls.approvals.to()} now={view.now} />, { within: 'asked' }),
  ),
  region('recent', <Recent {...view} />),
]

interface PageProps {
  readonly view: ApprovalsView
  readonly notice?: string | undefined
}

export const ApprovalsPage = ({ view, notice }: PageProps) => {
  const regions = approvalsRegions(view)
  return (
    <Page
      frame={view.frame}
      title="Approvals"
      room="approvals"
      live={liveAddress(urls.approvalsLive.to(), regions)}
      notice={notice}
    >
      <header class="title">
        <h1>Approvals</h1>
        <p class="lead">What agents may not do by themselves, and plans that take much away at once.</p>
      </header>
      <section aria-label="Waiting for you">
        {raw(htmlOf(regions, 'calm'))}
        <div id="holds">{raw(rowsOf(regions, 'holds'))}</div>
        <div id="asked">{raw(rowsOf(regions, 'asked'))}</div>
      </section>
      <section aria-labelledby="recent-title">
        <h2 id="recent-title">Decided lately</h2>
        {raw(htmlOf(regions, 'recent'))}
      </section>
    </Page>
  )
}

const Calm = ({ asked, holds }: ApprovalsView) => {
  const waits = holds.length + asked.filter(({ state }) => state === 'waiting').length
  return (
    <p id="calm" class="calm">
      {waits === 0 ? 'Nothing waits for you.' : waits === 1 ? 'One thing waits for you.' : `${waits} things wait for you.`}
    </p>
  )
}

function holdRegion(hold: Hold, now: Date): Region {
  const id = idFor('hold', hold.id)
  const count = hold.kinds.reduce((sum, { changes }) => sum + changes.length, 0)
  return region(
    id,
    <article id={id} class="ask ask-waiting">
      <p class="by">
        <StateWord state="held" word="held" /> <b>{hold.kinds.map(({ kind }) => kind).join(', ')}</b>{' '}
        <Ago at={hold.since} now={now} />
      </p>
      <h3>
        <a href={urls.held.to(hold.id)}>{hold.reason}</a>
      </h3>
      <p class="hint">
        {count} {count === 1 ? 'change' : 'changes'}. Look at the plan before you approve it.
      </p>
    </article>,
    { within: 'holds', vanishes: true },
  )
}

const Recent = ({ recent, now }: ApprovalsView) => (
  <ol id="recent" class="brief decided">
    {recent.length === 0 ? <li class="calm">Nothing was decided yet.</li> : null}
    {recent.map(approval => (
      <li id={`${cardId(approval)}-past`}>
        <ApprovalWord state={approval.state} />
        <a href={urls.approval.to(approval.id)}>{approval.title}</a>
        <span title={approval.note ?? ''}>
          {approval.agent}
          {approval.decidedBy === undefined ? null : `, by ${approval.decidedBy.replace(/^(?:person|operator) /, '')}`}
        </span>
        <Ago at={approval.askedAt} now={now} />
      </li>
    ))}
  </ol>
)

interface OneProps {
  readonly frame: Frame
  readonly approval: Approval
  readonly now: Date
  readonly mistake?: string | undefined
  readonly notice?: string | undefined
}

/** One of them, whatever became of it. */
export const ApprovalPage = ({ frame, approval, now, mistake, notice }: OneProps) => (
  <Page frame={frame} title={approval.title} room="approvals" notice={notice}>
    <Title up={{ label: 'approvals', to: urls.approvals.to() }} title={approval.title} />
    <ApprovalCard approval={approval} back={urls.approval.to(approval.id)} now={now} mistake={mistake} />
  </Page>
)

interface AlwaysProps {
  readonly frame: Frame
  readonly approval: Approval
  readonly rule: string
}

/** The exact rule, before it is saved. */
export const AlwaysPage = ({ frame, approval: { id, agent, title, digest }, rule }: AlwaysProps) => (
  <Page frame={frame} title="Always allow" room="approvals">
    <Title up={{ label: 'approvals', to: urls.approvals.to() }} title={`Always allow ${agent} this?`}>
      <p class="lead">{title}</p>
    </Title>
    <section aria-labelledby="rule-title">
      <h2 id="rule-title">The rule, as it will stand in the repository</h2>
      <pre tabindex={0}>
        <code>{rule}</code>
      </pre>
      <p class="hint">
        It is a commit by you; reverting it takes the rule back. From then on nobody asks you for what it allows.
      </p>
    </section>
    <form method="post" action={urls.approvalAlways.to(id)} class="decide">
      <input type="hidden" name="digest" value={digest} />
      <button type="submit" class="main">
        Save the rule and approve
      </button>
      <a class="second" href={urls.approval.to(id)}>
        Go back
      </a>
    </form>
  </Page>
)
