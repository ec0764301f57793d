import type { BackupDeclaration, DesiredState, GitBackupDeclaration } from '../../desired-state/state.ts'

/** One backup that is to be kept going. */
export type BackupItem =
  | { readonly type: 'restic'; readonly declaration: BackupDeclaration; readonly automatic: boolean }
  | { readonly type: 'git'; readonly declaration: GitBackupDeclaration; readonly automatic: boolean }

/** By name. `automatic` is whether the settings let it happen by itself. */
export function backupsOf({ backups, gitBackups, settings }: DesiredState): ReadonlyMap<string, BackupItem> {
  const automatic = settings.auto_backup_enabled
  return new Map<string, BackupItem>([
    ...[...backups.values()].map(declaration => [declaration.name, { type: 'restic', declaration, automatic }] as const),
    ...[...gitBackups.values()].map(
      declaration => [declaration.name, { type: 'git', declaration, automatic: automatic && settings.backup_to_github }] as const,
    ),
  ])
}
