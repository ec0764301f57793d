import type { Message } from '@anthropic-ai/sdk/resources/messages'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import type { Model, ModelEvent, ModelRequest } from './model.ts'

export interface ClaudeCredential {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
}

export const noCredential = new ApplianceError('waiting', 'I cannot answer yet: no Claude key is set', {
  hint: 'set ANTHROPIC_API_KEY in the environment that starts the appliance, or in /etc/ai-infra/environment on an installed server, then restart it',
})

/** Claude through its SDK, which is loaded with the first question: an idle agent stays small. */
export function claude(credential: ClaudeCredential): Model {
  return async function* (request, signal) {
    if (credential.apiKey === undefined && credential.baseUrl === undefined) throw noCredential
    const { Anthropic } = await import('@anthropic-ai/sdk')
    const client = new Anthropic({
      apiKey: credential.apiKey ?? 'none',
      baseURL: credential.baseUrl ?? 'https://api.anthropic.com',
      maxRetries: 2,
    })
    const stream = client.messages.stream(
      {
        model: request.model,
        max_tokens: request.maxTokens,
        system: request.system,
        messages: messagesOf(request),
      },
      { signal },
    )
    try {
      for await (const event of stream) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
          yield { type: 'text', text: event.delta.text }
      }
      yield ending((await stream.finalMessage()).stop_reason)
    } catch (cause) {
      if (signal.aborted) throw cause
      throw refusalOf(cause, request.model, credential)
    }
  }
}

const messagesOf = (request: ModelRequest) =>
  request.turns.map(turn => ({ role: turn.role === 'agent' ? ('assistant' as const) : ('user' as const), content: turn.text }))

function ending(reason: Message['stop_reason']): ModelEvent {
  if (reason === 'max_tokens') return { type: 'end', complete: false, note: 'cut off at agent_max_tokens of settings.yaml' }
  if (reason === 'model_context_window_exceeded')
    return { type: 'end', complete: false, note: 'the conversation is too long for the model' }
  if (reason === 'refusal') return { type: 'end', complete: false, note: 'Claude declined to answer this' }
  return { type: 'end', complete: true, note: '' }
}

/** One sentence for what the API or the way to it refused, and what to do about it. */
function refusalOf(cause: unknown, model: string, credential: ClaudeCredential): ApplianceError {
  const status = statusOf(cause)
  const where = credential.baseUrl ?? 'api.anthropic.com'
  if (status === 401 || status === 403) {
    return new ApplianceError('waiting', `Claude refused the key (${status})`, {
      hint: 'correct ANTHROPIC_API_KEY in the environment that starts the appliance, then restart it',
      cause,
    })
  }
  if (status === 404) {
    return new ApplianceError('stalled', `${where} knows no model ${model}`, {
      hint: 'correct `model` in agents.yaml or `agent_model` in settings.yaml',
      cause,
    })
  }
  if (status === 429 || status === 529) {
    return new ApplianceError('failed', `Claude is overloaded or the rate limit is reached (${status})`, {
      hint: 'ask again in a minute',
      cause,
    })
  }
  if (status === undefined) {
    return new ApplianceError('failed', `the connection to ${where} failed: ${explain(cause)}`, {
      hint: 'check the network, then ask again',
      cause,
    })
  }
  return new ApplianceError('failed', `Claude answered ${status}: ${explain(cause).slice(0, 300)}`, { cause })
}

function statusOf(error: unknown): number | undefined {
  if (typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number') return error.status
  return undefined
}
