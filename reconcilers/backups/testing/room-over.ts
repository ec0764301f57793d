import { stateOf } from '../../../desired-state/testing/tree.ts'
import type { Home } from '../../../runtime/os/home.ts'
import type { Store } from '../../../runtime/store/store.ts'
import { backupsOf } from '../item.ts'
import type { BackupRoomDeps } from '../room.ts'
import { type Items, roomOfItems } from './room-of-items.ts'

export { ended, password, storeOf, turnedClock } from './room-of-items.ts'

/** Backups are made when a test asks for one, and not by themselves. */
export const byHand = 'auto_backup_enabled: false\n'

export const itemsOf = (yaml: string, settings = ''): Items =>
  backupsOf(stateOf({ 'backups.yaml': yaml, 'settings.yaml': settings }))

/** A room over what these documents declare. */
export function roomOver(home: Home, store: Store, yaml: string, changes: Partial<BackupRoomDeps> = {}, settings = '') {
  const over = roomOfItems(home, store, itemsOf(yaml, settings), changes)
  return { ...over, declare: (next: string) => over.declareItems(itemsOf(next, settings)) }
}
