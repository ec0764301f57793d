import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Trouble } from '../model.ts'

export const noCredential = new ApplianceError('waiting', 'I cannot answer yet: no Claude key is set', {
  hint: 'set ANTHROPIC_API_KEY in the environment that starts the appliance, or in /etc/ai-infra/environment on an installed server, then restart it; or name a secret with claude: in settings.yaml',
})

/** What the API or the way to it refused. `begun`: the answer was under way already. */
export function troubleOf(cause: unknown, model: string, where: string, begun: boolean): Trouble {
  const status = numberOf(cause, 'status')
  const type = textOf(cause, 'type')
  const said = apiMessageOf(cause)
  if (status === undefined && type === undefined) return begun ? cutTrouble(where) : unreachable(where, cause)
  if (isTooLong(status, said)) {
    return {
      kind: 'too-long',
      reason: 'the conversation is too long for the model',
      error: new ApplianceError('failed', said, { cause }),
    }
  }
  const away = awayOf(status, type)
  if (away !== undefined && headerOf(cause, 'x-should-retry') !== 'false') {
    const retryInMs = retryAfterOf(cause)
    const error = new ApplianceError('failed', status === undefined ? away : `${away} (${status})`, {
      hint: 'ask again in a minute',
      cause,
    })
    return { kind: 'away', reason: away, error, ...(retryInMs === undefined ? {} : { retryInMs }) }
  }
  return refused(status, said, model, where, cause)
}

/** An answer that broke off, or a connection that said nothing for that many seconds. */
export function cutTrouble(where: string, silentSeconds?: number): Trouble {
  const reason =
    silentSeconds === undefined ? `the connection to ${where} was cut` : `${where} said nothing for ${silentSeconds} s`
  return { kind: 'cut', reason, error: new ApplianceError('failed', reason, { hint: 'check the network, then ask again' }) }
}

function unreachable(where: string, cause: unknown): Trouble {
  const error = new ApplianceError('failed', `the connection to ${where} failed: ${explain(cause)}`, {
    hint: 'check the network, then ask again',
    cause,
  })
  return { kind: 'away', reason: `Claude cannot be reached (${explain(cause).replace(/\.$/, '')})`, error }
}

/** What goes by itself, in words; undefined for everything else. */
function awayOf(status: number | undefined, type: string | undefined): string | undefined {
  if (status === 529 || type === 'overloaded_error') return 'Claude is overloaded'
  if (status === 429 || type === 'rate_limit_error') return 'the rate limit of Claude is reached'
  if (status === 408 || status === 409) return `Claude answered ${status}`
  if (status !== undefined && status >= 500) return `Claude has an error of its own (${status})`
  if (type === 'api_error' || type === 'timeout_error') return 'Claude has an error of its own'
  return undefined
}

function refused(status: number | undefined, said: string, model: string, where: string, cause: unknown): Trouble {
  const trouble = (kind: 'waiting' | 'stalled' | 'failed', message: string, hint?: string): Trouble => {
    const error = new ApplianceError(kind, message, { cause, ...(hint === undefined ? {} : { hint }) })
    return { kind: 'refused', reason: message, error }
  }
  if (status === 401 || status === 403) {
    const hint =
      'correct ANTHROPIC_API_KEY in the environment that starts the appliance, then restart it; or set the secret that claude.key of settings.yaml names'
    return trouble('waiting', `Claude refused the key (${status})`, hint)
  }
  if (status === 404) {
    return trouble(
      'stalled',
      `${where} knows no model ${model}`,
      'correct `model` in agents.yaml or `agent_model` in settings.yaml',
    )
  }
  return trouble('failed', `Claude answered ${status ?? 'with an error'}: ${said.slice(0, 300)}`)
}

const isTooLong = (status: number | undefined, said: string) =>
  status === 413 ||
  (status === 400 && /prompt is too long|exceeds? (the )?(model's )?context|too many (total )?(text )?(bytes|tokens)/i.test(said))

/** Milliseconds, from `retry-after-ms` or `retry-after` in seconds or as a date. */
function retryAfterOf(cause: unknown): number | undefined {
  const milliseconds = Number(headerOf(cause, 'retry-after-ms') ?? Number.NaN)
  if (milliseconds > 0) return milliseconds
  const words = headerOf(cause, 'retry-after')
  if (words === undefined) return undefined
  const seconds = Number(words)
  const after = Number.isNaN(seconds) ? Date.parse(words) - Date.now() : seconds * 1_000
  return after > 0 ? after : undefined
}

function headerOf(cause: unknown, name: string): string | undefined {
  const headers = typeof cause === 'object' && cause !== null && 'headers' in cause ? cause.headers : undefined
  return headers instanceof Headers ? (headers.get(name) ?? undefined) : undefined
}

const apiMessageOf = (cause: unknown) => textOf(cause, 'apiMessage') ?? explain(cause)

function textOf(cause: unknown, name: string): string | undefined {
  const value = fieldOf(cause, name)
  return typeof value === 'string' ? value : undefined
}

function numberOf(cause: unknown, name: string): number | undefined {
  const value = fieldOf(cause, name)
  return typeof value === 'number' ? value : undefined
}

function fieldOf(cause: unknown, name: string): unknown {
  if (typeof cause !== 'object' || cause === null) return undefined
  const value: unknown = Reflect.get(cause, name)
  return value
}
