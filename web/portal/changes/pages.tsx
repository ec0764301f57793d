/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { CommitSummary } from '../../../desired-state/repository.ts'
import type { Standing as UpstreamStanding } from '../../../desired-state/upstream-standing.ts'
import type { ResourceState, Run } from '../../../reconcilers/engine/status.ts'
import { Diff } from '../components/diff.tsx'
import { Fact, Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago, moment, short, span } from '../components/time.tsx'
import { htmlOf, liveAddress, type Region, region } from '../live/regions.ts'
import { UpstreamPanel } from '../upstream/panel.tsx'
import { urls } from '../urls.ts'
import type { Declared } from './declared.ts'

/** Where a commit stands: what the server is, what it is going to be, or what it was. */
export type Standing = 'applied' | 'applying' | 'waiting' | 'failed' | 'held' | 'past' | 'ahead'

export interface ChangesView {
  readonly frame: Frame
  readonly commits: readonly { readonly commit: CommitSummary; readonly standing: Standing }[]
  /** Last commit of this page, when there are older ones. */
  readonly before: string | undefined
  /** Commit of which this page shows the older ones; undefined on the first page. */
  readonly after: string | undefined
  readonly cloneCommand: string
  /** The mirror elsewhere. */
  readonly upstream: UpstreamStanding
  readonly now: Date
}

const looks: Record<Standing, { readonly state: ResourceState; readonly word: string }> = {
  applied: { state: 'ready', word: 'applied' },
  applying: { state: 'reconciling', word: 'applying' },
  waiting: { state: 'waiting', word: 'waiting' },
  failed: { state: 'failed', word: 'not reached' },
  held: { state: 'held', word: 'held' },
  past: { state: 'suspended', word: 'past' },
  ahead: { state: 'suspended', word: 'overtaken' },
}

const StandingWord = ({ standing }: { readonly standing: Standing }) => <StateWord {...looks[standing]} />

/** What of the page follows the world; the page and its stream show the same. */
export const changesRegions = (view: ChangesView): readonly Region[] => [
  ...frameRegions(view.frame),
  region(
    'elsewhere',
    <div id="elsewhere">
      <UpstreamPanel standing={view.upstream} now={view.now} />
    </div>,
  ),
  region('commits', <Commits {...view} />),
]

export const ChangesPage = ({ view, notice }: { readonly view: ChangesView; readonly notice?: string | undefined }) => {
  const regions = changesRegions(view)
  return (
    <Page
      frame={view.frame}
      title="Changes"
      room="changes"
      notice={notice}
      live={liveAddress(urls.changesLive.to(), regions, view.after === undefined ? {} : { before: view.after })}
    >
      <header class="title">
        <h1>Changes</h1>
        <p class="lead">Every commit on main, by push or from these pages.</p>
        <p>
          <code>{view.cloneCommand}</code>
        </p>
      </header>
      {raw(htmlOf(regions, 'elsewhere'))}
      {raw(htmlOf(regions, 'commits'))}
    </Page>
  )
}

/** Each row has its commit's id, so that a new one on top moves the others down and changes none of them. */
const Commits = ({ commits, before, now }: ChangesView) => (
  <div id="commits">
    <table class="ledger changes">
      <thead>
        <tr>
          <th scope="col">Result</th>
          <th scope="col">Commit</th>
          <th scope="col">Author</th>
          <th scope="col" class="num">
            Revision
          </th>
          <th scope="col" class="num">
            When
          </th>
        </tr>
      </thead>
      <tbody>
        {commits.map(({ commit, standing }) => (
          <tr id={`commit-${commit.revision}`}>
            <td>
              <StandingWord standing={standing} />
            </td>
            <th scope="row">
              <a href={urls.change.to(commit.revision)}>{commit.subject || '(no subject)'}</a>
            </th>
            <td>{commit.author.name}</td>
            <td class="num">
              <code>{short(commit.revision)}</code>
            </td>
            <td class="num">
              <Ago at={commit.date} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
    {before === undefined ? null : (
      <p>
        <a class="second" href={`${urls.changes.to()}?before=${before}`}>
          Older changes
        </a>
      </p>
    )}
  </div>
)

/** One resource that a commit is about, with the last run that it caused. */
export interface Effect extends Declared {
  readonly run: Run | undefined
}

export interface ChangeView {
  readonly frame: Frame
  readonly commit: CommitSummary
  readonly standing: Standing
  readonly effects: readonly Effect[]
  readonly diff: string
  /** It is what main says now, so there is nothing to go back to. */
  readonly isHead: boolean
  readonly now: Date
}

export const changeRegions = (view: ChangeView): readonly Region[] => [
  ...frameRegions(view.frame),
  region('standing', <ChangeStanding {...view} />),
  region('effects', <Effects {...view} />),
]

export const ChangePage = ({ view }: { readonly view: ChangeView }) => {
  const { frame, commit, diff, isHead } = view
  const regions = changeRegions(view)
  return (
    <Page frame={frame} title={commit.subject} room="changes" live={liveAddress(urls.changeLive.to(commit.revision), regions)}>
      <Title up={{ label: 'changes', to: urls.changes.to() }} title={commit.subject || '(no subject)'}>
        {commit.body === '' ? null : <p class="lead body">{commit.body}</p>}
        {raw(htmlOf(regions, 'standing'))}
      </Title>
      {raw(htmlOf(regions, 'effects'))}
      <section aria-labelledby="diff-title">
        <h2 id="diff-title">The commit</h2>
        {diff === '' ? <p class="calm">No file changes.</p> : <Diff text={diff} />}
      </section>
      {isHead ? null : (
        <p class="decide">
          <a class="second" href={urls.changeRestore.to(commit.revision)}>
            Go back to this state
          </a>
          <span class="hint">Shows the plan first. It is a new commit; nothing of the history is lost.</span>
        </p>
      )}
    </Page>
  )
}

const ChangeStanding = ({ commit, standing, now }: ChangeView) => (
  <div id="standing" class="standing">
    <p class="big">
      <StandingWord standing={standing} />
    </p>
    <dl class="facts">
      <Fact name="Author">{commit.author.name}</Fact>
      <Fact name="When">
        <time datetime={commit.date} title={moment(commit.date)}>
          {moment(commit.date)}
        </time>
      </Fact>
      <Fact name="Ago">
        <Ago at={commit.date} now={now} />
      </Fact>
      <Fact name="Revision">{commit.revision.slice(0, 12)}</Fact>
    </dl>
  </div>
)

const outcomes = {
  running: 'reconciling',
  verified: 'ready',
  failed: 'failed',
  superseded: 'suspended',
  interrupted: 'stalled',
} as const

const Effects = ({ effects }: ChangeView) => (
  <section id="effects" aria-labelledby="effects-title">
    <h2 id="effects-title">What it changed</h2>
    {effects.length === 0 ? (
      <p class="calm">It declares no resource otherwise than the commit before it.</p>
    ) : (
      <table class="ledger effects">
        <thead>
          <tr>
            <th scope="col">Result</th>
            <th scope="col">Resource</th>
            <th scope="col">What was done</th>
            <th scope="col" class="num">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {effects.map(({ kind, key, operation, run }) => (
            <tr>
              <td>
                {run === undefined ? (
                  <span class="state s-gone">no run</span>
                ) : (
                  <StateWord state={outcomes[run.outcome]} word={run.outcome} />
                )}
              </td>
              <th scope="row">
                <small>{kind}</small> <EffectName kind={kind} name={key} gone={operation === 'delete'} />
              </th>
              <td class="says" title={run?.message}>
                {operation} {run === undefined ? '' : run.message || run.summary}
              </td>
              <td class="num">{run === undefined || run.outcome === 'running' ? '' : span(run.milliseconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </section>
)

/** What stands for nothing on the server by itself. */
const unlinked: ReadonlySet<string> = new Set(['settings', 'database', 'secret', 'telos'])

const EffectName = ({ kind, name, gone }: { readonly kind: string; readonly name: string; readonly gone: boolean }) =>
  gone || unlinked.has(kind) ? (
    <code>{name}</code>
  ) : (
    <a href={urls.resource.to(kind, name)}>
      <code>{name}</code>
    </a>
  )
