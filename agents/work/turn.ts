import type { Block, Usage, WorkEvent } from '../../runtime/bus/work.ts'
import type { Breaker } from '../../runtime/os/breaker.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Model, ModelEvent, ModelRequest, Trouble } from '../model.ts'
import type { Waits } from './waits.ts'

export interface TurnDeps {
  readonly model: Model
  readonly breaker: Pick<Breaker, 'allow' | 'success' | 'failure'>
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly tell: (event: WorkEvent) => void
  readonly waits: Waits
}

export type Turn =
  | { readonly outcome: 'said'; readonly content: readonly Block[]; readonly stop: string; readonly usage: Usage }
  | { readonly outcome: 'too-long' }
  | { readonly outcome: 'failed'; readonly error: ApplianceError }

/** Broken answers in a row, each of them paid for, after which the work fails. */
const mostCuts = 3
const firstWait = 1_000
const longestWait = 60_000
/** The longest that the service may send us away. */
const longestAbsence = 600_000

/**
 * Asks the model until a whole answer came. While Claude is away it waits and says so, without end and without a token; an
 * answer that broke off is void (`retracted`) and asked for anew. Throws only when the signal aborts.
 */
export async function takeTurn(deps: TurnDeps, request: ModelRequest, signal: AbortSignal): Promise<Turn> {
  let cuts = 0
  for (let failures = 0; ; failures++) {
    await passBreaker(deps, signal)
    const end = await listen(deps, request, signal)
    if (end.type === 'end') {
      deps.breaker.success()
      return { outcome: 'said', content: end.content, stop: end.stop, usage: end.usage }
    }
    const { kind, error, reason, retryInMs } = end.trouble
    if (kind === 'too-long') return { outcome: 'too-long' }
    if (kind === 'refused') return { outcome: 'failed', error }
    deps.breaker.failure(new Error(reason.replace(/^Claude is /, '')), retryInMs)
    if (kind === 'cut') cuts += 1
    if (cuts >= mostCuts) return { outcome: 'failed', error: brokenTooOften(reason) }
    await pause(deps, reason, delayOf(failures, retryInMs, deps.random), signal)
  }
}

type End = Exclude<ModelEvent, { type: 'text' }>

async function listen({ model, tell }: TurnDeps, request: ModelRequest, signal: AbortSignal): Promise<End> {
  let said = false
  let end: End | undefined
  for await (const event of model(request, signal)) {
    if (event.type === 'text') {
      tell({ type: 'text', text: event.text })
      said = true
    } else end = event
  }
  signal.throwIfAborted()
  const usage = end?.usage
  if (usage !== undefined) tell({ type: 'usage', usage })
  if (end?.type === 'end') return end
  if (said) tell({ type: 'retracted' })
  return end ?? { type: 'trouble', trouble: silent, usage: undefined }
}

const silent: Trouble = {
  kind: 'cut',
  reason: 'the answer ended before it was complete',
  error: new ApplianceError('failed', 'the answer ended before it was complete'),
}

async function passBreaker(deps: TurnDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const allowed = deps.breaker.allow()
    if (allowed === true) return
    await pause(deps, allowed.reason, allowed.retryInMs, signal)
  }
}

async function pause({ waits, clock }: TurnDeps, reason: string, milliseconds: number, signal: AbortSignal): Promise<void> {
  waits.set('claude', `${reason}, again in ${Math.max(1, Math.ceil(milliseconds / 1_000))} s`)
  try {
    await clock.sleep(milliseconds, signal)
  } finally {
    waits.clear('claude')
  }
  signal.throwIfAborted()
}

/** What the service said, and a little more so that not all come back at once; else twice as long each time. */
export function delayOf(failures: number, retryInMs: number | undefined, random: () => number): number {
  if (retryInMs !== undefined) return Math.min(retryInMs, longestAbsence) + 1_000 * random()
  return Math.min(firstWait * 2 ** failures, longestWait) * (0.5 + 0.5 * random())
}

const brokenTooOften = (reason: string) =>
  new ApplianceError('failed', `the answer broke off ${mostCuts} times in a row: ${reason}`, {
    hint: 'check the network between this server and Claude, then ask again',
  })
