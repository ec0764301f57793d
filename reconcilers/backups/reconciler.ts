import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Change, Obstacle, Plan, Reconciler } from '../engine/reconciler.ts'
import { needsApproval, placeOf } from './approval.ts'
import { beginRepository } from './begin.ts'
import type { InForce } from './in-force.ts'
import { type BackupItem, backupsOf } from './item.ts'
import type { BackupJournal, BegunRepository, History } from './journal.ts'
import type { Restic } from './restic/restic.ts'
import { standingOf } from './standing.ts'

export type BackupAction =
  | { readonly type: 'begin'; readonly item: Extract<BackupItem, { readonly type: 'restic' }> }
  /** Nothing declares it any more; the repository stays. */
  | { readonly type: 'forget' }

export interface ObservedBackups {
  readonly repositories: ReadonlyMap<string, BegunRepository>
  readonly histories: ReadonlyMap<string, History>
  readonly now: Date
}

export interface BackupReconcilerDeps {
  readonly journal: BackupJournal
  readonly inForce: Pick<InForce, 'last'>
  readonly clock: Clock
  readonly open: (item: Extract<BackupItem, { readonly type: 'restic' }>, signal: AbortSignal) => Promise<Restic>
  /** Something was begun: there is work to do. */
  readonly begun: () => void
}

/**
 * Keeps repositories begun, and says how each backup stands. What takes long, the backups themselves, is done beside it:
 * a push neither waits for one nor ends one.
 */
export function createBackupReconciler({
  journal,
  inForce,
  clock,
  open,
  begun,
}: BackupReconcilerDeps): Reconciler<BackupItem, ObservedBackups, BackupAction> {
  return {
    kind: 'backup',
    after: [],
    select: backupsOf,
    async observe() {
      const [repositories, histories] = await Promise.all([journal.repositories(), journal.histories()])
      return { repositories, histories, now: clock.now() }
    },
    plan: planBackups,
    async apply({ key, action }, { signal, step }) {
      await step('begin')
      if (action.type === 'forget') await journal.forgotten(key)
      else {
        const { location } = action.item.declaration
        const restic = await open(action.item, signal)
        const repositoryId = await beginRepository(restic, location)
        await step('repository')
        await journal.begun({ name: key, location: location.repository, repositoryId })
        begun()
      }
      await step('end')
    },
    // Another schedule, another password: nothing of what is kept goes. Where something would, `exposes` says how much.
    weigh: (before, after) => (placeOf(before) === placeOf(after) ? 'adjust' : 'redefine'),
    exposes: (before, after) => needsApproval(before, after, inForce.last()),
  }
}

/** Pure: what is declared against what was begun and done. */
export function planBackups(
  desired: ReadonlyMap<string, BackupItem>,
  { repositories, histories, now }: ObservedBackups,
): Plan<BackupAction> {
  const changes: Change<BackupAction>[] = []
  const obstacles: Obstacle[] = []
  const notes = new Map<string, string>()
  for (const name of [...repositories.keys()].sort()) {
    if (desired.get(name)?.type !== 'restic') changes.push(forgetting(name))
  }
  for (const [name, item] of [...desired].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const begun = repositories.get(name)
    if (item.type === 'restic' && begun?.location !== item.declaration.location.repository) {
      changes.push(beginning(name, item, begun))
      continue
    }
    const { state, ...rest } = standingOf(item, histories, now, begun?.begunAt)
    if (state === 'ready') notes.set(name, rest.message)
    else obstacles.push({ key: name, state, ...rest })
  }
  return { changes, obstacles, notes }
}

const beginning = (
  key: string,
  item: Extract<BackupItem, { readonly type: 'restic' }>,
  begun: BegunRepository | undefined,
): Change<BackupAction> => ({
  kind: 'backup',
  key,
  operation: begun === undefined ? 'create' : 'update',
  summary: `keep backups in ${item.declaration.location.repository}`,
  fields:
    begun === undefined ? [] : [{ name: 'repository', before: begun.location, after: item.declaration.location.repository }],
  action: { type: 'begin', item },
})

const forgetting = (key: string): Change<BackupAction> => ({
  ...{ kind: 'backup', key, operation: 'delete', fields: [], action: { type: 'forget' } },
  summary: 'make no more backups; what is in the repository stays',
})

export const unknownBackup = (name: string) =>
  new ApplianceError('invalid', `there is no backup ${JSON.stringify(name)}`, { hint: 'backup list shows those of backups.yaml' })
