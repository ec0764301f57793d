import type { Anthropic } from '@anthropic-ai/sdk'
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { createKnownSecrets } from '../../runtime/telemetry/known-secrets.ts'
import { hideKnown } from '../../runtime/telemetry/redact.ts'
import type { Model, ModelRequest, Trouble } from '../model.ts'
import { createAssembly } from './assembly.ts'
import { type StallWatch, watchStalls } from './stall.ts'
import { cutTrouble, noCredential, troubleOf } from './troubles.ts'

export interface ClaudeCredential {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  /** Why the key that is declared cannot be had. */
  readonly missing?: string | undefined
}

export interface ClaudeOptions {
  /** Milliseconds without a byte after which a stream counts as broken; default 90,000. */
  readonly stallMs?: number
}

const publicAddress = 'https://api.anthropic.com'

/** Claude through its SDK, which is loaded with the first question: an idle agent stays small. Retries are the caller's. */
export function claude(credential: ClaudeCredential, { stallMs = 90_000 }: ClaudeOptions = {}): Model {
  const where = credential.baseUrl ?? publicAddress
  return async function* (request, signal) {
    const lacking = lackingKey(credential)
    if (lacking !== undefined) {
      yield { type: 'trouble', trouble: { kind: 'refused', reason: lacking.message, error: lacking }, usage: undefined }
      return
    }
    const watch = watchStalls(stallMs, signal)
    const assembly = createAssembly(request.model)
    try {
      for await (const event of await open(credential, request, watch)) {
        const text = assembly.add(event)
        if (text !== '') yield { type: 'text', text }
      }
    } catch (cause) {
      if (signal.aborted) throw cause
      const trouble = watch.stalled()
        ? cutTrouble(where, watch.seconds)
        : troubleOf(cause, request.model, where, assembly.begun())
      yield { type: 'trouble', trouble: withoutKey(trouble, credential), usage: assembly.usage() }
      return
    } finally {
      watch.stop()
    }
    signal.throwIfAborted()
    const end = assembly.end()
    if (end !== undefined) yield { type: 'end', ...end }
    else
      yield { type: 'trouble', trouble: cutTrouble(where, watch.stalled() ? watch.seconds : undefined), usage: assembly.usage() }
  }
}

function lackingKey({ apiKey, baseUrl, missing }: ClaudeCredential): ApplianceError | undefined {
  if (missing !== undefined) return new ApplianceError('waiting', `I cannot answer yet: ${missing}`)
  return apiKey === undefined && baseUrl === undefined ? noCredential : undefined
}

/** Whoever refuses may repeat what it was shown, and the window would show it. */
function withoutKey({ error, ...trouble }: Trouble, { apiKey }: ClaudeCredential): Trouble {
  const hide = hideKnown(createKnownSecrets(apiKey))
  const { kind, message, hint, subject } = error
  const options = { ...(hint !== undefined && { hint: hide(hint) }), ...(subject !== undefined && { subject }) }
  return { ...trouble, reason: hide(trouble.reason), error: new ApplianceError(kind, hide(message), options) }
}

/**
 * By `post`, not `messages.create`: entries go out as they were kept, and what is not a message comes first, so that the
 * bytes of one request, but for its end, are the beginning of the next.
 */
async function open(credential: ClaudeCredential, request: ModelRequest, watch: StallWatch) {
  const { Anthropic } = await import('@anthropic-ai/sdk')
  const client: Anthropic = new Anthropic({
    apiKey: credential.apiKey ?? 'none',
    baseURL: credential.baseUrl ?? publicAddress,
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
    fetch: watch.fetch,
  })
  return client.post<AsyncIterable<RawMessageStreamEvent>>('/v1/messages', {
    body: bodyOf(request),
    stream: true,
    signal: watch.signal,
  })
}

export const bodyOf = ({ model, maxTokens, system, tools, entries, mayCall }: ModelRequest) => ({
  stream: true,
  model,
  max_tokens: maxTokens,
  cache_control: { type: 'ephemeral' },
  ...(mayCall || tools.length === 0 ? {} : { tool_choice: { type: 'none' } }),
  ...(tools.length === 0 ? {} : { tools }),
  system,
  messages: entries,
})
