/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { ResourceStatus } from '../../../reconcilers/engine/status.ts'
import type { BackupRunView, BackupView, SnapshotView } from '../../api/shapes/backups.ts'
import { size } from '../components/amount.ts'
import { Fact, Title } from '../components/facts.tsx'
import type { Frame } from '../components/frame.ts'
import { frameRegions, Page } from '../components/layout.tsx'
import { StateWord } from '../components/state.tsx'
import { Ago, moment, span } from '../components/time.tsx'
import { htmlOf, idFor, liveAddress, type Region, region } from '../live/regions.ts'
import { urls } from '../urls.ts'

export interface BackupStanding {
  readonly backup: BackupView
  /** Undefined until it was looked at. */
  readonly status: ResourceStatus | undefined
}

export interface BackupsView {
  readonly frame: Frame
  readonly backups: readonly BackupStanding[]
  readonly cloneCommand: string
  readonly now: Date
}

export const backupsRegions = (view: BackupsView): readonly Region[] => [
  ...frameRegions(view.frame),
  region('backups', <BackupList {...view} />),
]

export const BackupsPage = ({ view, notice }: { readonly view: BackupsView; readonly notice: string | undefined }) => {
  const regions = backupsRegions(view)
  return (
    <Page frame={view.frame} title="Backups" room="backups" live={liveAddress(urls.backupsLive.to(), regions)} notice={notice}>
      <header class="title">
        <h1>Backups</h1>
        <p class="lead">
          What <code>backups.yaml</code> declares. Each is made and tried out by itself; a trial restores it into a scratch home
          and compares.
        </p>
      </header>
      {raw(htmlOf(regions, 'backups'))}
    </Page>
  )
}

const BackupList = (view: BackupsView) => (
  <div id="backups" class="backups">
    {view.backups.length === 0 ? <NoBackups cloneCommand={view.cloneCommand} /> : null}
    {view.backups.map(each => (
      <BackupPanel {...each} now={view.now} />
    ))}
  </div>
)

const BackupPanel = ({ backup, status, now }: BackupStanding & { readonly now: Date }) => {
  const state = status?.state ?? 'reconciling'
  const id = idFor('backup', backup.name)
  return (
    <section
      id={id}
      class={state === 'failed' || state === 'stalled' ? `panel wanted s-${state}` : 'panel'}
      aria-labelledby={`${id}-title`}
    >
      <h2 id={`${id}-title`}>
        <a href={urls.backup.to(backup.name)}>{backup.name}</a>
      </h2>
      <Standing backup={backup} status={status} now={now} />
      <BackupButtons backup={backup} />
    </section>
  )
}

const Standing = ({ backup, status, now }: BackupStanding & { readonly now: Date }) => (
  <div class="standing">
    <p class="message">
      <StateWord state={status?.state ?? 'reconciling'} /> {status?.message ?? 'it is looked at for the first time'}
    </p>
    <dl class="facts">
      <Fact name="Last">
        <When at={backup.succeededAt} now={now} />
      </Fact>
      <Fact name="Next">{backup.doing !== '' ? backup.doing : nextOf(backup, now)}</Fact>
      {backup.type === 'git' ? null : (
        <>
          <Fact name="Restore proven">
            <When at={backup.provenAt} now={now} />
          </Fact>
          <Fact name="Size">{size(backup.bytes)}</Fact>
          <Fact name="New in the last">{size(backup.added)}</Fact>
          <Fact name="Kept">{backup.kept}</Fact>
        </>
      )}
      <Fact name="Where">
        <code>{backup.repository}</code>
      </Fact>
    </dl>
  </div>
)

const When = ({ at, now }: { readonly at: string; readonly now: Date }) =>
  at === '' ? <span>never</span> : <Ago at={at} now={now} />

const nextOf = ({ next }: BackupView, now: Date) =>
  next === '' ? 'by hand only' : Date.parse(next) <= now.getTime() ? 'now' : moment(next)

/** What a person may have done; a restore is confirmed on a page of its own. */
const BackupButtons = ({ backup: { name, type } }: Pick<BackupStanding, 'backup'>) => (
  <div class="decide">
    <form method="post" action={urls.backupRun.to(name)}>
      <button type="submit" class="second">
        {type === 'git' ? 'Push now' : 'Back up now'}
      </button>
    </form>
    {type === 'git' ? null : (
      <>
        <form method="post" action={urls.backupVerify.to(name)}>
          <button type="submit" class="second">
            Try a restore
          </button>
        </form>
        <a class="second" href={urls.backupRestore.to(name)}>
          Restore …
        </a>
      </>
    )}
  </div>
)

const NoBackups = ({ cloneCommand }: { readonly cloneCommand: string }) => (
  <section class="panel wanted s-waiting" aria-labelledby="none-title">
    <h2 id="none-title">Nothing is backed up</h2>
    <p>Set a password with the verb secret, keep it somewhere else as well, and declare a backup:</p>
    <pre>
      <code>{`${cloneCommand} server\ncd server\n$EDITOR backups.yaml\ngit commit -am "backups" && git push`}</code>
    </pre>
  </section>
)

export interface BackupPageView extends BackupStanding {
  readonly frame: Frame
  readonly now: Date
}

export const BackupPage = ({ view, notice }: { readonly view: BackupPageView; readonly notice: string | undefined }) => (
  <Page frame={view.frame} title={view.backup.name} room="backups" notice={notice}>
    <Title up={{ label: 'backups', to: urls.backups.to() }} title={view.backup.name} machine>
      <Standing {...view} />
    </Title>
    {view.backup.proof === '' ? null : <p class="lead body">The last trial: {view.backup.proof}.</p>}
    <BackupButtons backup={view.backup} />
    <Runs runs={view.backup.runs} now={view.now} />
  </Page>
)

const Runs = ({ runs, now }: { readonly runs: readonly BackupRunView[]; readonly now: Date }) => (
  <section aria-labelledby="runs-title">
    <h2 id="runs-title">What was done</h2>
    {runs.length === 0 ? (
      <p class="calm">Nothing yet.</p>
    ) : (
      <table class="ledger runs">
        <thead>
          <tr>
            <th scope="col">Outcome</th>
            <th scope="col">What</th>
            <th scope="col">By</th>
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

const looks = {
  asked: 'waiting',
  running: 'reconciling',
  succeeded: 'ready',
  failed: 'failed',
  interrupted: 'stalled',
} as const

const verbs = { run: 'backup', verify: 'trial restore', restore: 'restore', push: 'push' } as const

const RunRow = ({ run, now }: { readonly run: BackupRunView; readonly now: Date }) => (
  <tr title={moment(run.askedAt)}>
    <td>
      <StateWord state={looks[run.outcome]} word={run.outcome} />
    </td>
    <th scope="row" title={run.message}>
      {verbs[run.verb]}
      {run.message === '' ? null : <small class="because"> {run.message}</small>}
    </th>
    <td>{run.askedBy}</td>
    <td class="num">
      {run.endedAt === '' || run.startedAt === '' ? '…' : span(Date.parse(run.endedAt) - Date.parse(run.startedAt))}
    </td>
    <td class="num">
      <Ago at={run.askedAt} now={now} />
    </td>
  </tr>
)

export interface RestoreView {
  readonly frame: Frame
  readonly backup: BackupView
  readonly snapshots: readonly SnapshotView[]
  readonly command: string
  readonly now: Date
}

/** Which snapshot, and what will come of it. */
export const RestorePage = ({ view: { frame, backup, snapshots, command, now } }: { readonly view: RestoreView }) => (
  <Page frame={frame} title={`Restore ${backup.name}`} room="backups">
    <Title up={{ label: backup.name, to: urls.backup.to(backup.name) }} title="Restore">
      <p class="lead">
        A whole home is given back into a folder of its own, <code>backups/restored/</code> of this one. Nothing that is there is
        touched, and this server goes on as it is. It needs as much space again.
      </p>
    </Title>
    {snapshots.length === 0 ? (
      <p class="calm">There is no complete backup in the repository yet.</p>
    ) : (
      <form method="post" action={urls.backupRestore.to(backup.name)} class="decide apart">
        <label>
          <span>Which one</span>
          <select name="snapshot">
            {snapshots.map(({ snapshot, time, hostname }) => (
              <option value={snapshot}>{`${moment(time)}, of ${hostname} (${snapshot})`}</option>
            ))}
          </select>
        </label>
        <button type="submit" class="main">
          Restore beside this home
        </button>
        <a class="second" href={urls.backup.to(backup.name)}>
          Not now
        </a>
        <p class="hint">
          In a terminal, also into another folder: <code>{`${command} backup restore ${backup.name} SNAPSHOT --into DIR`}</code>.
          The newest is of <When at={snapshots[0]?.time ?? ''} now={now} /> ago.
        </p>
      </form>
    )}
  </Page>
)
