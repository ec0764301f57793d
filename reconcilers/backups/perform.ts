import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Log } from '../../runtime/os/log.ts'
import type { BackupItem } from './item.ts'
import type { BackupJournal, BackupRun } from './journal.ts'
import { removeDeadLocks } from './locks.ts'
import { ResticRefusal } from './restic/refusal.ts'
import type { Restic } from './restic/restic.ts'
import { drill } from './restore/drill.ts'
import { fillFolder } from './restore/into-place.ts'
import { writeNote } from './restore/note.ts'
import { type RestoreDeps, restoreRun } from './restore/restore.ts'
import { isAhead, superfluous } from './retention.ts'
import { backUp, type Source } from './source/backup.ts'
import { isComplete, ourTag, type StoredRun, storedRuns } from './tags.ts'

type ResticItem = Extract<BackupItem, { readonly type: 'restic' }>

export interface PerformDeps {
  readonly source: Source
  readonly journal: BackupJournal
  readonly clock: Clock
  readonly log: Log
  readonly judgeAudit: (home: Home) => Promise<readonly string[]>
}

export interface Performed {
  readonly message: string
  readonly facts: BackupRun['facts']
}

interface Work {
  readonly item: ResticItem
  readonly run: BackupRun
  readonly restic: Restic
  readonly signal: AbortSignal
  readonly step: (name: string) => Promise<void>
}

/** Does what was asked for with one repository; throws why it cannot. */
export async function perform(deps: PerformDeps, work: Work): Promise<Performed> {
  await makeSure(deps, work)
  switch (work.run.verb) {
    case 'run':
      return makeBackup(deps, work)
    case 'verify':
      return tryOut(deps, work)
    case 'restore':
      return giveBack(deps, work)
    default:
      throw new ApplianceError('invalid', `${work.run.name} is no Git target`)
  }
}

/** It is the repository that was begun, and nobody who is dead still locks it. */
async function makeSure({ journal, clock, log }: PerformDeps, { item, run, restic }: Work): Promise<void> {
  const { name, location } = item.declaration
  const begun = (await journal.repositories()).get(name)
  if (begun?.location !== location.repository)
    throw new ApplianceError('waiting', 'the repository is not begun yet', { hint: `see backup/${name}` })
  const id = await restic.identify()
  if (id !== begun.repositoryId)
    throw new ResticRefusal(
      'gone',
      'stalled',
      `${location.repository} holds another repository than the one that was begun`,
      'put the old one back, or declare this one under another name',
    )
  const before = (await journal.recent(name, 20)).find(each => each.id !== run.id && each.startedAt !== undefined)
  if (before?.startedAt !== undefined && before.outcome !== 'succeeded')
    await removeDeadLocks(restic, before.startedAt, clock.now(), log)
}

async function makeBackup({ source, clock }: PerformDeps, { item, run, restic, step }: Work): Promise<Performed> {
  const { declaration } = item
  const { files, postgres, at } = await backUp(source, declaration, run.id, restic, step)
  const kin = runsOf(source.appliance, storedRuns(await restic.snapshots(ourTag)))
  const all = kin.filter(({ name }) => name === declaration.name)
  const gone = superfluous(all, declaration.keep, clock.now())
  await restic.forget(gone.flatMap(({ files: one, postgres: other }) => [one, other].filter(id => id !== undefined)))
  await step('tidied')
  const unread = [...files.unread, ...(postgres?.unread ?? [])]
  const kept = all.filter(each => isComplete(each) && !gone.includes(each)).length
  const bytes = files.bytes + (postgres?.bytes ?? 0)
  return {
    message: unread.length === 0 ? '' : `${unread.length} files could not be read: ${unread.slice(0, 3).join(', ')}`,
    facts: {
      snapshot: files.snapshot,
      at: at.toISOString(),
      bytes,
      added: files.added + (postgres?.added ?? 0),
      files: files.files,
      unread: unread.length,
      kept,
      besides: besides(kin, declaration.name),
    },
  }
}

async function tryOut(deps: PerformDeps, { item, restic, signal, step }: Work): Promise<Performed> {
  const { source, judgeAudit } = deps
  const runs = runsOf(source.appliance, storedRuns(await restic.snapshots(`backup:${item.declaration.name}`)))
  const run = chooseRun(runs, undefined, deps.clock.now())
  await restic.check(item.declaration.checkPercent)
  await step('checked')
  const drilled = await drill(restic, run, { ...restoreDeps(deps, signal, step), home: source.home, judgeAudit })
  const { tables, rows, repositories, files } = drilled
  return {
    message: `${tables} tables with ${rows} rows, ${repositories} repositories and ${files} files are as they were`,
    facts: { snapshot: run.files, tables, rows, repositories, files },
  }
}

async function giveBack(deps: PerformDeps, { item, run, restic, signal, step }: Work): Promise<Performed> {
  const { snapshot, into } = run.facts
  if (typeof into !== 'string') throw new ApplianceError('invalid', 'nobody said where to restore it')
  const wanted = typeof snapshot === 'string' ? snapshot : undefined
  const all = runsToList(storedRuns(await restic.snapshots(ourTag)), item.declaration.name, deps.source.appliance)
  const isNewest = wanted === undefined || wanted === 'latest'
  const found = chooseRun(isNewest ? all.filter(({ name }) => name === item.declaration.name) : all, wanted, deps.clock.now())
  await fillFolder(
    into,
    async scratch => {
      const { manifest } = await restoreRun(restic, found, scratch, restoreDeps(deps, signal, step))
      return writeNote(manifest)
    },
    step,
    deps.source.spawn,
  )
  return {
    message: `the appliance of ${found.time.toISOString().slice(0, 16).replace('T', ' ')} UTC is in ${into}`,
    facts: { snapshot: found.files },
  }
}

const restoreDeps = ({ source, log }: PerformDeps, signal: AbortSignal, step: RestoreDeps['step']): RestoreDeps => ({
  ...{ spawn: source.spawn, postgres: source.postgres, signal, step },
  progress: line => log.debug('restoring', { what: line }),
})

const runsOf = (appliance: string, runs: readonly StoredRun[]) => runs.filter(run => run.appliance === appliance)

/** Those of a backup, of whichever appliance, and what this appliance has made in the same repository under another name. */
export const runsToList = (runs: readonly StoredRun[], name: string, appliance: string): readonly StoredRun[] =>
  runs.filter(run => run.name === name || run.appliance === appliance)

/** What is kept under names that the backup had before: `2 of nightly`. Nothing removes them. */
function besides(runs: readonly StoredRun[], name: string): string {
  const others = Map.groupBy(
    runs.filter(run => isComplete(run) && run.name !== name),
    run => run.name,
  )
  return [...others]
    .map(([other, { length }]) => `${length} of ${other}`)
    .sort()
    .join(', ')
}

/**
 * By the beginning of the id of its snapshot or run; without one the newest. What a clock that was ahead has made is the
 * newest only where there is nothing else. Throws what is wrong with the choice.
 */
export function chooseRun(
  runs: readonly StoredRun[],
  snapshot: string | undefined,
  now: Date,
): StoredRun & { readonly files: string } {
  const all = runs.filter(isComplete)
  const complete = [...all.filter(run => !isAhead(run, now)), ...all.filter(run => isAhead(run, now))]
  const named =
    snapshot === undefined || snapshot === 'latest'
      ? complete
      : complete.filter(run => run.files.startsWith(snapshot) || run.run.startsWith(snapshot))
  const [first, second] = named
  if (first === undefined)
    throw new ApplianceError(
      'invalid',
      complete.length === 0 ? 'there is no complete backup in the repository' : `there is no snapshot ${snapshot}`,
      { hint: complete.length === 0 ? 'make one first' : `there are ${listedRuns(complete)}` },
    )
  if (snapshot !== undefined && snapshot !== 'latest' && second !== undefined)
    throw new ApplianceError('invalid', `${snapshot} names several snapshots`, { hint: 'write more of it' })
  return first
}

/** The newest few, where no appliance runs that would list them. */
const listedRuns = (runs: readonly StoredRun[]): string =>
  [
    ...runs
      .slice(0, 20)
      .map(({ files, time }) => `${files?.slice(0, 8)} of ${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`),
    ...(runs.length > 20 ? [`${runs.length - 20} older ones`] : []),
  ].join(', ')
