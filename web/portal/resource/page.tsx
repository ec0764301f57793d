/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { ResourceStatus, Run, Suspension } from '../../../reconcilers/engine/status.ts'
import { Fact, Title } from '../components/facts.tsx'
import type { Frame, Room } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { SuspendPanel } from '../components/suspend.tsx'
import { Ago, moment, short, span } from '../components/time.tsx'
import { htmlOf, liveAddress, type Region, region } from '../live/regions.ts'
import { urls } from '../urls.ts'

export interface ResourceView {
  readonly frame: Frame
  readonly resource: ResourceStatus
  readonly runs: readonly Run[]
  readonly suspension: Suspension | undefined
  readonly now: Date
}

export function resourceRegions(view: ResourceView): readonly Region[] {
  return [...frameRegions(view.frame), region('standing', <Standing {...view} />), region('runs', <Runs {...view} />)]
}

export const ResourcePage = ({ view, notice }: { readonly view: ResourceView; readonly notice: string | undefined }) => {
  const { frame, resource, suspension, now } = view
  const { kind, key } = resource
  const regions = resourceRegions(view)
  return (
    <Page
      frame={frame}
      title={key}
      room={roomOf(kind)}
      live={liveAddress(urls.resourceLive.to(kind, key), regions)}
      notice={notice}
    >
      <Title up={{ label: kind, to: urls.overview.to() }} title={key} machine>
        {raw(htmlOf(regions, 'standing'))}
      </Title>
      <SuspendPanel kind={kind} name={key} suspension={suspension} now={now} />
      {raw(htmlOf(regions, 'runs'))}
    </Page>
  )
}

const roomOf = (kind: string): Room =>
  kind === 'agent' ? 'agents' : kind === 'site' ? 'domains' : kind === 'backup' ? 'backups' : 'overview'

const Standing = ({ resource: { state, reason, message, revision, since }, now }: ResourceView) => (
  <div id="standing" class="standing">
    <p class="big">
      <StateWord state={state} />
    </p>
    <p class="message">{message}</p>
    <dl class="facts">
      <Fact name="Since">
        <Ago at={since} now={now} />
      </Fact>
      <Fact name="Verified at">{revision === '' ? 'never' : <a href={urls.change.to(revision)}>{short(revision)}</a>}</Fact>
      {reason === '' ? null : <Fact name="Reason">{reason}</Fact>}
    </dl>
  </div>
)

const Runs = ({ runs, now }: ResourceView) => (
  <section id="runs" aria-labelledby="runs-title">
    <h2 id="runs-title">Last runs</h2>
    {runs.length === 0 ? (
      <p class="calm">Nothing had to be done for it yet.</p>
    ) : (
      <table class="ledger runs">
        <thead>
          <tr>
            <th scope="col">Outcome</th>
            <th scope="col">What</th>
            <th scope="col">Why</th>
            <th scope="col">Revision</th>
            <th scope="col" class="num">
              Took
            </th>
            <th scope="col" class="num">
              When
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <RunRow run={run} now={now} />
          ))}
        </tbody>
      </table>
    )}
  </section>
)

const states = {
  running: 'reconciling',
  verified: 'ready',
  failed: 'failed',
  superseded: 'suspended',
  interrupted: 'stalled',
} as const

const RunRow = ({ run, now }: { readonly run: Run; readonly now: Date }) => (
  <tr title={moment(run.startedAt)}>
    <td>
      <StateWord state={states[run.outcome]} word={run.outcome} />
    </td>
    <th scope="row" title={run.message || run.summary}>
      {run.operation} {run.summary}
      {run.message === '' ? null : <small class="because"> {run.message}</small>}
    </th>
    <td>{run.trigger}</td>
    <td>
      <code>{short(run.revision)}</code>
    </td>
    <td class="num">{run.outcome === 'running' ? '…' : span(run.milliseconds)}</td>
    <td class="num">
      <Ago at={run.startedAt} now={now} />
    </td>
  </tr>
)
