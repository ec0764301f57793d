import type { Repository } from '../desired-state/repository.ts'
import type { Audit } from '../runtime/audit/audit.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { type Environment, passwordVariable } from '../runtime/os/environment.ts'
import { explain } from '../runtime/os/errors.ts'
import { statIfExists } from '../runtime/os/files.ts'
import type { Log } from '../runtime/os/log.ts'
import { createAccessAudit } from '../runtime/secrets/access.ts'
import { createBindings } from '../runtime/secrets/bindings.ts'
import { createEnvironmentStore } from '../runtime/secrets/environment-store.ts'
import { createHomeStore } from '../runtime/secrets/home-store.ts'
import { createRepositoryStore } from '../runtime/secrets/repository-store.ts'
import { createSecrets, type Secrets } from '../runtime/secrets/secrets.ts'
import { createKnownSecrets, type KnownSecrets } from '../runtime/telemetry/known-secrets.ts'
import { createAwsRoom } from './aws-secrets.ts'
import { declaredSecrets } from './declared-secrets.ts'
import { type ShareSecret, sharing } from './share-secret.ts'

/** What the operator's environment holds that no text may show. */
export function knownFrom(environment: Environment): KnownSecrets {
  const { anthropicApiKey, databaseUrl, redisUrl, databasePasswords, secrets, aws } = environment
  return createKnownSecrets(
    ...[anthropicApiKey, databaseUrl, redisUrl, passwordIn(databaseUrl), passwordIn(redisUrl)],
    ...[...databasePasswords.values(), ...secrets.values()],
    ...[aws?.secretAccessKey, aws?.sessionToken],
  )
}

/** A database's password is one more, under the name of its variable: it too belongs to where it was sent first. */
const ofEnvironment = ({ secrets, databasePasswords }: Environment): ReadonlyMap<string, string> =>
  new Map([...[...databasePasswords].map(([database, value]) => [passwordVariable(database), value] as const), ...secrets])

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
  readonly repository: Pick<Repository, 'head' | 'read' | 'file' | 'edit'>
  readonly audit: Pick<Audit, 'record'>
  readonly clock: Clock
  readonly log: Log
  readonly command: string
}

export interface SecretsRoom extends Secrets {
  readonly share: ShareSecret
  /** main may have moved: what its documents say of secrets is read anew. */
  committed(): void
  stop(): void
}

/** Milliseconds between two looks for what was rotated elsewhere; with what follows from it, within a minute. */
const lookInterval = 25_000

/** Every store, the one facade before them, and the look for what changed elsewhere. */
export async function secretsRoom(deps: SecretsRoomDeps): Promise<SecretsRoom> {
  const { environment, known, repository, audit, clock, log, command } = deps
  const { home } = environment
  const own = createHomeStore({ path: home.secrets, keys: home.keys, clock })
  const declared = declaredSecrets(repository)
  const shared = createRepositoryStore(declared, own.key)
  const aws = createAwsRoom(environment.aws, clock)
  const always = [createEnvironmentStore(ofEnvironment(environment)), own, shared]
  const usesAws = async () => (await declared()).store === 'aws'
  const before = (await statIfExists(home.secretPlaces)) === undefined ? await repository.head() : undefined
  const bindings = createBindings({
    ...{ path: home.secretPlaces, clock, command },
    learns: async () => before !== undefined && (await repository.head()) === before,
    record: (action, target, { by, to, for: purpose }) =>
      audit.record({
        ...{ type: action === 'secret.withheld' ? 'permission_denied' : 'config_changed', agent: '', user: by, action, target },
        outcome: action === 'secret.withheld' ? 'denied' : 'success',
        details: { to, ...(purpose !== undefined && { for: purpose }) },
      }),
  })
  const secrets = createSecrets({
    bindings,
    ...{ known, command, recipient: async () => (await own.key()).recipient },
    stores: async () => ((await usesAws()) ? [...always, aws] : always),
    writable: async () => ((await usesAws()) ? aws : own),
    accessed: createAccessAudit(audit.record, clock),
    recordChange: (action, name, by) =>
      audit.record({ type: 'config_changed', agent: '', user: by, action, target: name, outcome: 'intent' }),
  })
  const learn = async (what: string, values: () => Promise<readonly string[]>) => {
    // What needs a secret says what is wrong; everything else goes on.
    await values().then(
      found => known.add(...found),
      error => log.error(`${what} not readable`, { error: explain(error) }),
    )
  }
  await learn('secrets of the home', own.values)
  let seen = (await declared()).values
  await learn('secrets.age.yaml', shared.values)

  const look = async () => {
    const { values, store } = await declared()
    const before = seen
    seen = values
    const names = new Set([...before.keys(), ...values.keys()])
    const moved = [...names].filter(name => before.get(name) !== values.get(name))
    if (moved.length > 0) await learn('secrets.age.yaml', shared.values)
    const rotated = store === 'aws' ? await aws.refresh() : []
    known.add(...aws.values())
    secrets.changed([...moved, ...rotated])
  }
  let looking: Promise<void> | undefined
  let again = false
  const soon = () => {
    // What came after a look began is seen by the next one.
    if (looking !== undefined) {
      again = true
      return
    }
    looking = look()
      .catch(error => log.warn('secrets not looked at', { error: explain(error) }))
      .finally(() => {
        looking = undefined
        if (!again) return
        again = false
        soon()
      })
  }
  const timer = setInterval(soon, lookInterval)
  const commit = sharing({ repository, declared, secrets })
  const share: ShareSecret = async (name, value, author) => {
    known.add(value)
    await commit(name, value, author)
    soon()
  }
  return { ...secrets, share, committed: soon, stop: () => clearInterval(timer) }
}
