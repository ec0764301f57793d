import type { Clock } from '../../os/clock.ts'
import { ApplianceError, explain } from '../../os/errors.ts'
import type { SecretFacts, WritableStore } from '../store.ts'
import type { AwsClient, AwsListed, AwsValue } from './client.ts'
import { awsNameOf, nameOfAws } from './names.ts'

export interface AwsStore extends WritableStore {
  /**
   * Asks AWS what has changed of what is in use, and gives the names whose value is another one now. Never throws: what
   * cannot be asked keeps its last value, and {@link problem} says why.
   */
  refresh(): Promise<readonly string[]>
  problem(): string | undefined
  values(): readonly string[]
}

export interface AwsStoreOptions {
  readonly client: AwsClient
  /** `ai-infrastructure/` */
  readonly prefix: string
  readonly clock: Clock
}

interface Held extends AwsValue {
  readonly at: Date
}

/** Secrets of AWS Secrets Manager, in memory once they were asked for: a look waits for the network only the first time. */
export function createAwsStore({ client, prefix, clock }: AwsStoreOptions): AwsStore {
  const held = new Map<string, Held>()
  /** Names that somebody has asked for, whether they are there or not. */
  const wanted = new Set<string>()
  const asking = new Map<string, Promise<string | undefined>>()
  let listing: readonly AwsListed[] | undefined
  let wrong: string | undefined

  const fetch = async (name: string): Promise<string | undefined> => {
    const found = await client.get(awsNameOf(name, prefix))
    if (found === undefined) held.delete(name)
    else held.set(name, { ...found, at: clock.now() })
    return found?.value
  }
  /** One question at a time for each name, however many ask. */
  const once = (name: string): Promise<string | undefined> => {
    const running = asking.get(name)
    if (running !== undefined) return running
    const fresh = fetch(name).finally(() => asking.delete(name))
    asking.set(name, fresh)
    return fresh
  }
  /** Undefined where it may not be listed: then each secret is asked for by itself. */
  const look = async (): Promise<readonly AwsListed[] | undefined> => {
    try {
      return await client.list(prefix)
    } catch (error) {
      if (error instanceof ApplianceError && /denies secretsmanager:ListSecrets/.test(error.message)) return undefined
      throw error
    }
  }

  const refreshOne = async (name: string): Promise<boolean> => {
    const before = held.get(name)
    const entry = listing?.find(({ id }) => id === awsNameOf(name, prefix))
    const isAsBefore =
      before === undefined
        ? listing !== undefined && entry === undefined
        : entry?.version !== undefined && entry.version === before.version
    if (isAsBefore) return false
    return (await once(name)) !== before?.value
  }

  return {
    source: 'aws',
    problem: () => wrong,
    values: () => [...held.values()].map(({ value }) => value),
    async get(name) {
      wanted.add(name)
      return held.get(name)?.value ?? (await once(name))
    },
    async list(): Promise<readonly SecretFacts[]> {
      const found = listing ?? (await look())
      if (found === undefined) return [...held.keys()].map(name => ({ name, changedAt: undefined }))
      return found.flatMap(({ id, changedAt }) => {
        const name = nameOfAws(id, prefix)
        return name === undefined ? [] : [{ name, changedAt }]
      })
    },
    async refresh() {
      const changed: string[] = []
      wrong = undefined
      try {
        listing = await look()
      } catch (error) {
        wrong = explain(error)
        // Whoever may not be listed can still be asked for; who does not answer is not asked a second time.
        return changed
      }
      for (const name of wanted) {
        try {
          if (await refreshOne(name)) changed.push(name)
        } catch (error) {
          const last = held.get(name)
          const kept =
            last === undefined ? '' : `; the value of ${last.at.toISOString().slice(0, 16).replace('T', ' ')} UTC is used`
          wrong = `${explain(error)}${kept}`
        }
      }
      return changed
    },
    async set(name, value) {
      await client.put(awsNameOf(name, prefix), value)
      wanted.add(name)
      held.set(name, { value, version: undefined, at: clock.now() })
      listing = undefined
    },
    async remove(name) {
      const removed = await client.remove(awsNameOf(name, prefix))
      held.delete(name)
      listing = undefined
      return removed
    },
  }
}
