import { APIError } from 'cloudflare/core/error'
import type { z } from 'zod'
import type { CloudflareProvider } from '../../../desired-state/state.ts'
import type { Clock } from '../../../runtime/os/clock.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { CloudflareClient } from './client.ts'
import { readError, Uncertain } from './errors.ts'

export interface CloudflareDeps {
  /** What `secret:NAME` stands for; throws `waiting` when it is not there. */
  readonly secret: (reference: string) => Promise<string>
  readonly clock: Clock
  /** Where its API is; undefined for Cloudflare's own. */
  readonly baseUrl: string | undefined
  /** Shared by everything that calls with the same account. */
  readonly account: CloudflareAccount
  /** Milliseconds that one answer may take. Default 30,000. */
  readonly patience?: number
}

/** What is remembered of an account between two looks; losing it costs a few calls. */
export interface CloudflareAccount {
  /** Cloudflare has asked for quiet until then; milliseconds. */
  quietUntil: number
  /** Zones by name; `seen` once the world sees what is in them. */
  readonly zones: Map<string, { readonly id: string; readonly seen: boolean }>
}

export const createAccount = (): CloudflareAccount => ({ quietUntil: 0, zones: new Map() })

type Request = (client: CloudflareClient, options: { readonly signal: AbortSignal }) => { asResponse(): Promise<Response> }

/** One request, and its answer; what is not whole or not as expected is none. `doing` is for a person: `read its records`. */
export type Ask = <T>(doing: string, answer: z.ZodType<T>, request: Request, signal: AbortSignal) => Promise<T>

const usualPatience = 30_000
/** Milliseconds that a request is waited for in place; who asks for more is left alone until then. */
const shortQuiet = 2_000

export function createAsk(declared: CloudflareProvider, deps: CloudflareDeps): Ask {
  return async (doing, answer, request, signal) => {
    const { createCloudflareClient } = await import('./client.ts')
    const client = createCloudflareClient(await credentials(declared, deps), deps.baseUrl, deps.patience ?? usualPatience)
    const send = async () => {
      refuseWhileQuiet(deps)
      try {
        return await request(client, { signal }).asResponse()
      } catch (error) {
        signal.throwIfAborted()
        noteQuiet(error, deps)
        throw error
      }
    }
    try {
      const response = await send().catch(async error => {
        const wait = deps.account.quietUntil - deps.clock.now().getTime()
        if (!isTooMany(error) || wait > shortQuiet) throw error
        await deps.clock.sleep(wait, signal)
        return send()
      })
      return await whole(response, answer, doing)
    } catch (error) {
      if (isTooMany(error)) refuseWhileQuiet(deps)
      throw error instanceof ApplianceError ? error : readError(error, declared.name, doing)
    }
  }
}

const isTooMany = (error: unknown) => error instanceof APIError && error.status === 429

async function credentials({ token, api_key, email }: CloudflareProvider, { secret }: CloudflareDeps) {
  if (token !== undefined) return { apiToken: await secret(token) }
  return { apiKey: await secret(api_key ?? ''), apiEmail: email ?? '' }
}

async function whole<T>(response: Response, answer: z.ZodType<T>, doing: string): Promise<T> {
  const body: unknown = await response.json().catch(error => {
    throw new Uncertain(`the answer of Cloudflare broke off (${doing})`, error)
  })
  const parsed = answer.safeParse(body)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  throw new Uncertain(`the answer of Cloudflare is not whole (${doing}): ${first?.path.join('.')}: ${first?.message}`)
}

/** Seconds: it is never kept quiet for longer, also when the clock was set back meanwhile. */
const longestQuiet = 3_600

function refuseWhileQuiet({ account, clock }: CloudflareDeps): void {
  const left = account.quietUntil - clock.now().getTime()
  if (left > longestQuiet * 1_000) account.quietUntil = 0
  if (left <= 0 || account.quietUntil === 0) return
  throw new ApplianceError(
    'waiting',
    `Cloudflare asks for no more requests until ${new Date(account.quietUntil).toISOString()}`,
    {
      hint: 'it is asked again then',
    },
  )
}

/** Cloudflare says in seconds when to come back; five minutes is what its limit counts over. */
function noteQuiet(error: unknown, { account, clock }: CloudflareDeps): void {
  if (!(error instanceof APIError) || error.status !== 429) return
  const seconds = Number(error.headers?.get('retry-after') ?? Number.NaN)
  const wait = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, longestQuiet) : 300
  account.quietUntil = Math.max(account.quietUntil, clock.now().getTime() + wait * 1_000)
}
