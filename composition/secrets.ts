import type { Audit } from '../runtime/audit/audit.ts'
import type { Clock } from '../runtime/os/clock.ts'
import type { Environment } from '../runtime/os/environment.ts'
import { explain } from '../runtime/os/errors.ts'
import type { Log } from '../runtime/os/log.ts'
import { createAccessAudit } from '../runtime/secrets/access.ts'
import { createEnvironmentStore } from '../runtime/secrets/environment-store.ts'
import { createHomeStore } from '../runtime/secrets/home-store.ts'
import { createSecrets, type Secrets } from '../runtime/secrets/secrets.ts'
import { createKnownSecrets, type KnownSecrets } from '../runtime/telemetry/known-secrets.ts'

/** What the operator's environment holds that no text may show. */
export function knownFrom(environment: Environment): KnownSecrets {
  const { anthropicApiKey, databaseUrl, redisUrl, databasePasswords, secrets } = environment
  return createKnownSecrets(
    ...[anthropicApiKey, databaseUrl, redisUrl, passwordIn(databaseUrl), passwordIn(redisUrl)],
    ...[...databasePasswords.values(), ...secrets.values()],
  )
}

function passwordIn(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  const { password } = new URL(url)
  try {
    return decodeURIComponent(password)
  } catch {
    return password
  }
}

export interface SecretsRoomDeps {
  readonly environment: Environment
  readonly known: KnownSecrets
  readonly audit: Pick<Audit, 'record'>
  readonly clock: Clock
  readonly log: Log
  readonly command: string
}

/** Every store, and the one facade before them. */
export async function secretsRoom({ environment, known, audit, clock, log, command }: SecretsRoomDeps): Promise<Secrets> {
  const { home } = environment
  const own = createHomeStore({ path: home.secrets, keys: home.keys, clock })
  try {
    await own.key()
    known.add(...(await own.values()))
  } catch (error) {
    // What needs a secret says so; everything else goes on.
    log.error('secrets not readable', { error: explain(error) })
  }
  const stores = [createEnvironmentStore(environment.secrets), own]
  return createSecrets({
    ...{ stores: () => stores, writable: () => own, known, command },
    recipient: async () => (await own.key()).recipient,
    accessed: createAccessAudit(audit.record, clock),
    recordChange: (action, name, by) =>
      audit.record({ type: 'config_changed', agent: '', user: by, action, target: name, outcome: 'intent' }),
  })
}
