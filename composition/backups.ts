import { createInForce } from '../reconcilers/backups/in-force.ts'
import type { BackupItem } from '../reconcilers/backups/item.ts'
import { createBackupJournal } from '../reconcilers/backups/journal.ts'
import { type BackupRoom, createBackupRoom } from '../reconcilers/backups/room.ts'
import type { RunningEngine } from '../reconcilers/engine/engine.ts'
import { explainFlaw } from '../runtime/audit/verify.ts'
import type { Environment } from '../runtime/os/environment.ts'
import { passwordVariable } from '../runtime/os/environment.ts'
import type { Home } from '../runtime/os/home.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { secretVariable } from '../runtime/secrets/environment-store.ts'
import { findPostgres } from '../runtime/services/postgres-program.ts'
import { verifyHome } from './audit.ts'
import type { Ground } from './ground.ts'
import { storeAddress } from './services.ts'

export interface BackupCompositionDeps {
  readonly environment: Environment
  readonly ground: Ground
  /** Of this appliance. */
  readonly id: string
  /** Undefined until it has started. */
  readonly engine: () => RunningEngine | undefined
  readonly onStep?: (kind: string, name: string) => void
}

/** Backups, and what they need of the others. */
export async function backupRoom({ environment, ground, id, engine, onStep }: BackupCompositionDeps): Promise<BackupRoom> {
  const { home } = environment
  const { clock, store, secrets } = ground
  const inForce = createInForce(store)
  await inForce.load()
  // Not what main declares: that may be held.
  let accepted: ReadonlyMap<string, BackupItem> | undefined
  const room = createBackupRoom({
    source: {
      ...{ home, spawn, address: storeAddress(environment), appliance: id, environment: variablesOf(environment) },
      postgres: () => findPostgres(home),
    },
    journal: createBackupJournal(store, clock),
    ...{ clock, log: ground.log.with({ component: 'backups' }), judgeAudit },
    ...{ secret: secrets.value, inForce },
    declared: () => accepted,
    verified: () => engine()?.status().revision ?? '',
    changed: reason => engine()?.wake('backup', reason),
    ...(onStep === undefined ? {} : { onStep }),
  })
  const { reconciler } = room
  return {
    ...room,
    reconciler: {
      ...reconciler,
      observe(desired, signal, look = 'main') {
        if (look === 'main' && !Bun.deepEquals(desired, accepted)) {
          accepted = desired
          room.moved()
        }
        return reconciler.observe(desired, signal, look)
      },
    },
  }
}

/** What is wrong with the audit of a home that was restored; its last line may have been half written. */
export async function judgeAudit(home: Home): Promise<readonly string[]> {
  const { flaws } = await verifyHome(home)
  return flaws.filter(({ what }) => what !== 'incomplete').map(explainFlaw)
}

/** Names of the variables whose values no backup has. */
function variablesOf({
  anthropicApiKey,
  anthropicBaseUrl,
  databaseUrl,
  redisUrl,
  databasePasswords,
  secrets,
}: Environment): string[] {
  return [
    ...(anthropicApiKey === undefined ? [] : ['ANTHROPIC_API_KEY']),
    ...(anthropicBaseUrl === undefined ? [] : ['ANTHROPIC_BASE_URL']),
    ...(databaseUrl === undefined ? [] : ['DATABASE_URL']),
    ...(redisUrl === undefined ? [] : ['REDIS_URL']),
    ...[...databasePasswords.keys()].map(passwordVariable),
    ...[...secrets.keys()].map(secretVariable),
  ]
}
