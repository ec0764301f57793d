import type { Repository } from '../desired-state/repository.ts'
import type { Clock } from '../runtime/os/clock.ts'
import type { Environment } from '../runtime/os/environment.ts'
import { explain } from '../runtime/os/errors.ts'
import { oneAtATime } from '../runtime/os/one-at-a-time.ts'
import { placeOfUrl } from '../runtime/secrets/place.ts'
import { readReference } from '../runtime/secrets/reference.ts'
import type { Secrets } from '../runtime/secrets/secrets.ts'

/** What agents are handed for Claude; its fields are those of the moment. */
export interface ClaudeKey {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  /** Why the key that settings.yaml names cannot be had. */
  readonly missing: string | undefined
  /** The secret that it comes from; undefined for the environment. */
  readonly keyName: string | undefined
  readonly canAnswer: boolean
  /** Settings or secrets may be others. */
  look(): Promise<void>
  stop(): void
}

export interface ClaudeKeyDeps {
  readonly environment: Pick<Environment, 'anthropicApiKey' | 'anthropicBaseUrl'>
  readonly repository: Pick<Repository, 'head' | 'read'>
  readonly secrets: Pick<Secrets, 'value'>
  readonly clock: Clock
  /** It is another one, or went, or came. */
  readonly changed: () => void
}

type Standing = Pick<ClaudeKey, 'apiKey' | 'missing' | 'keyName'>
/** Milliseconds between two looks for one that is missing: what kept it away may go without a commit or another secret. */
const lookInterval = 25_000

const none: Standing = { apiKey: undefined, missing: undefined, keyName: undefined }

/** The key of the environment, else the secret that `claude.key` of settings.yaml names. Where it goes only the environment says. */
export async function createClaudeKey(deps: ClaudeKeyDeps): Promise<ClaudeKey> {
  const { environment, repository, secrets, clock, changed } = deps
  const { anthropicApiKey: own, anthropicBaseUrl: baseUrl } = environment
  const place = placeOfUrl(baseUrl ?? 'https://api.anthropic.com', 'claude')
  const next = oneAtATime()
  let reference: string | undefined
  let standing: Standing = { ...none, apiKey: own }
  const found = async (): Promise<Standing> => {
    const head = await repository.head()
    const read = head === undefined ? undefined : await repository.read(head)
    if (read?.ok) reference = read.state.settings.claude?.key
    if (reference === undefined) return none
    const keyName = readReference(reference).name
    return secrets.value(reference, 'agents that ask Claude', place).then(
      apiKey => ({ apiKey: apiKey.trim(), missing: undefined, keyName }),
      (error: unknown) => ({ apiKey: undefined, missing: explain(error), keyName }),
    )
  }
  const look = async () => {
    if (own !== undefined) return
    const now = await found()
    const isSame = now.apiKey === standing.apiKey && now.missing === standing.missing
    standing = now
    if (!isSame) changed()
  }
  await next(look)
  const leaving = new AbortController()
  const lookWhileMissing = async () => {
    while (!leaving.signal.aborted) {
      await clock.sleep(lookInterval, leaving.signal)
      // One that fails leaves it missing, and the next one comes.
      if (standing.missing !== undefined && !leaving.signal.aborted) await next(look).catch(() => {})
    }
  }
  void lookWhileMissing()
  return {
    baseUrl,
    get apiKey() {
      return standing.apiKey
    },
    get missing() {
      return standing.missing
    },
    get keyName() {
      return standing.keyName
    },
    get canAnswer() {
      return standing.missing === undefined && (standing.apiKey !== undefined || baseUrl !== undefined)
    },
    look: () => next(look),
    stop: () => leaving.abort(),
  }
}
