import { type Fields, readFields } from '../../runtime/bus/parse.ts'

/** What the Messages API was asked. */
export interface ModelCall {
  readonly model: string
  readonly system: string
  readonly maxTokens: number
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[]
  readonly apiKey: string
}

export type Reply =
  | {
      readonly type: 'text'
      readonly pieces: readonly string[]
      readonly stopReason?: 'end_turn' | 'max_tokens' | 'refusal'
      /** Held after the first piece until this resolves. */
      readonly hold?: Promise<unknown>
    }
  | { readonly type: 'error'; readonly status: number; readonly error: string; readonly message: string }
  /** The stream ends in the middle of the answer. */
  | { readonly type: 'cut'; readonly pieces: readonly string[] }

export interface ModelServer {
  readonly url: string
  readonly calls: readonly ModelCall[]
  /** Decides the answers from now on. */
  reply(by: (call: ModelCall) => Reply): void
  stop(): Promise<void>
}

/** A small Messages API: the streaming protocol as the real one speaks it, with answers that the test decides. */
export function startModelServer(): ModelServer {
  const calls: ModelCall[] = []
  let decide: (call: ModelCall) => Reply = call => ({ type: 'text', pieces: ['You said: ', call.messages.at(-1)?.content ?? ''] })
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      if (request.method !== 'POST' || new URL(request.url).pathname !== '/v1/messages') {
        return problem(404, 'not_found_error', 'no such path')
      }
      const fields = readFields(await request.json())
      if (fields.raw.stream !== true) return problem(400, 'invalid_request_error', 'this server streams')
      if ('temperature' in fields.raw) return problem(400, 'invalid_request_error', 'temperature is deprecated for this model')
      const call = callOf(fields, bearerOf(request))
      if (call.messages.length === 0 || call.messages[0]?.role !== 'user') {
        return problem(400, 'invalid_request_error', 'the first message must be of the user')
      }
      calls.push(call)
      const reply = decide(call)
      if (reply.type === 'error') return problem(reply.status, reply.error, reply.message)
      return new Response(stream(call, reply), { headers: { 'content-type': 'text/event-stream', 'request-id': 'req_test' } })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls,
    reply(by) {
      decide = by
    },
    stop: () => server.stop(true),
  }
}

const callOf = (fields: Fields, apiKey: string): ModelCall => ({
  model: fields.text('model'),
  system: fields.text('system'),
  maxTokens: fields.integer('max_tokens'),
  messages: fields.list('messages', message => ({
    role: message.oneOf('role', ['user', 'assistant']),
    content: message.text('content'),
  })),
  apiKey,
})

const bearerOf = (request: Request) => (request.headers.get('authorization') ?? '').replace(/^Bearer /, '')

const problem = (status: number, type: string, message: string) =>
  Response.json(
    { type: 'error', error: { type, message }, request_id: 'req_test' },
    { status, headers: { 'x-should-retry': 'false' } },
  )

function stream(call: ModelCall, reply: Exclude<Reply, { type: 'error' }>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async start(controller) {
      const send = (event: { readonly type: string }) =>
        controller.enqueue(encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))
      try {
        for (const event of opening(call)) send(event)
        for (const [index, text] of reply.pieces.entries()) {
          send({ type: 'content_block_delta', ...{ index: 0, delta: { type: 'text_delta', text } } })
          if (index === 0 && reply.type === 'text') await reply.hold
        }
        if (reply.type === 'cut') return controller.close()
        for (const event of closing(reply.stopReason ?? 'end_turn')) send(event)
        controller.close()
      } catch {
        // The client went away; there is nobody left to tell.
      }
    },
  })
}

const opening = (call: ModelCall) => [
  {
    type: 'message_start',
    message: {
      ...{ id: 'msg_test', type: 'message', role: 'assistant', model: call.model, content: [] },
      ...{ stop_reason: null, stop_sequence: null, usage: { input_tokens: 10, output_tokens: 1 } },
    },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'ping' },
]

const closing = (reason: string) => [
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 5 } },
  { type: 'message_stop' },
]
