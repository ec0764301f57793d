import type { BackupItem } from './item.ts'
import type { BackupRun, History } from './journal.ts'
import { type Due, historyOf, makingVerb } from './standing.ts'

/** One backup as programs and pages are told of it. Times are ISO 8601, empty for never. */
export interface BackupView {
  readonly name: string
  readonly type: 'restic' | 'git'
  readonly repository: string
  readonly what: readonly string[]
  readonly schedule: string
  /** Empty: only by hand. */
  readonly next: string
  readonly nextTrial: string
  readonly succeededAt: string
  /** Bytes that the last backup looked at, and of these those that were new. */
  readonly bytes: number
  readonly added: number
  /** Backups in the repository. */
  readonly kept: number
  /** When a restore was last proven, and what was compared. */
  readonly provenAt: string
  readonly proof: string
  /** What is being done with it just now; empty when nothing is. */
  readonly doing: string
  /** Newest first. */
  readonly runs: readonly RunView[]
}

export interface RunView {
  readonly id: string
  readonly name: string
  readonly verb: BackupRun['verb']
  readonly askedBy: string
  readonly askedAt: string
  readonly startedAt: string
  readonly endedAt: string
  readonly outcome: BackupRun['outcome']
  readonly step: string
  readonly message: string
}

export function backupView(
  item: BackupItem,
  histories: ReadonlyMap<string, History>,
  due: Due,
  runs: readonly BackupRun[],
): BackupView {
  const { declaration } = item
  const made = historyOf(histories, declaration.name, makingVerb(item)).succeeded
  const proven = historyOf(histories, declaration.name, 'verify').succeeded
  const number = (fact: string) => Number(made?.facts[fact] ?? 0)
  const running = runs.find(({ outcome }) => outcome === 'running')
  return {
    ...{ name: declaration.name, type: item.type, schedule: declaration.schedule },
    repository: item.type === 'restic' ? item.declaration.location.repository : item.declaration.repository,
    what: item.type === 'restic' ? item.declaration.what : [item.declaration.what],
    ...{ next: iso(due.run), nextTrial: iso(due.verify), succeededAt: iso(made?.startedAt) },
    ...{ bytes: number('bytes'), added: number('added'), kept: number('kept') },
    ...{ provenAt: iso(proven?.startedAt), proof: proven?.message ?? '' },
    doing: running === undefined ? '' : doingWords[running.verb],
    runs: runs.map(runView),
  }
}

const doingWords = {
  run: 'is being made',
  verify: 'is being tried out',
  restore: 'is being restored',
  push: 'is being pushed',
} as const

export const runView = ({
  id,
  name,
  verb,
  askedBy,
  askedAt,
  startedAt,
  endedAt,
  outcome,
  step,
  message,
}: BackupRun): RunView => ({
  ...{ id, name, verb, askedBy, outcome, step, message },
  ...{ askedAt: iso(askedAt), startedAt: iso(startedAt), endedAt: iso(endedAt) },
})

const iso = (date: Date | undefined) => (date === undefined ? '' : new Date(Math.max(0, date.getTime())).toISOString())
