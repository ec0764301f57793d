import type { BackupDesk } from '../../api/backups.ts'
import type { BackupRunView, BackupView } from '../../api/shapes/backups.ts'

/** Backups that a test writes down; what they are asked to do is kept. */
export interface FakeBackups extends BackupDesk {
  put(backup: BackupView): void
  readonly asked: string[]
}

export function fakeBackups(): FakeBackups {
  const backups = new Map<string, BackupView>()
  const listeners = new Set<() => void>()
  const asked: string[] = []
  return {
    asked,
    put(backup) {
      backups.set(backup.name, backup)
      for (const listener of listeners) listener()
    },
    list: async () => [...backups.values()],
    snapshots: async name => [{ snapshot: '1a2b3c4d', time: '2026-11-28T02:04:00.000Z', hostname: 'atlas', backup: name }],
    async ask(name, verb, by, facts = {}) {
      asked.push(`${verb} ${name} by ${by}${facts.into === undefined ? '' : ` into ${facts.into}`}`)
      return '00000000-0000-0000-0000-000000000000'
    },
    run: async (id): Promise<BackupRunView | undefined> =>
      [...backups.values()].flatMap(({ runs }) => runs).find(run => run.id === id),
    publicKey: async () => 'ssh-ed25519 AAAA ai-infra backup',
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
