import type { Step, StepBlock } from './steps.ts'

export interface StreamFacts {
  readonly model: string
  /** Makes the id of a tool call. */
  readonly callId: () => string
  readonly usage: { readonly input: number; readonly cacheRead: number; readonly cacheWrite: number }
}

type Event = { readonly type: string } & Readonly<Record<string, unknown>>
type Speech = Extract<Step, { type: 'speak' }>

/** The server-sent events of one answer, as the real API sends them. */
export function streamOf(step: Speech, facts: StreamFacts, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async start(controller) {
      let pieces = 0
      try {
        for (const event of eventsOf(step, facts)) {
          if (signal.aborted) return
          if (step.pace !== undefined) await Bun.sleep(step.pace)
          controller.enqueue(encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))
          if (step.sent !== undefined) step.sent(pieceIn(event))
          if (event.type === 'content_block_delta' && pieces++ === 0) await step.hold
        }
        if (step.breaks !== 'stall') controller.close()
      } catch {
        // The client went away; there is nobody left to tell.
      }
    },
  })
}

/** Empty for what is no text. */
function pieceIn({ delta }: Event): string {
  const text = typeof delta === 'object' && delta !== null && 'text' in delta ? delta.text : ''
  return typeof text === 'string' ? text : ''
}

function* eventsOf(step: Speech, facts: StreamFacts): Generator<Event> {
  yield opening(facts)
  for (const [index, block] of step.blocks.entries()) {
    const last = index === step.blocks.length - 1
    yield* blockEvents(index, block, facts, last ? step.breaks : undefined)
  }
  if (step.breaks !== undefined) return
  yield {
    type: 'message_delta',
    delta: { stop_reason: stopReasonOf(step), stop_sequence: null },
    usage: { output_tokens: Math.ceil(JSON.stringify(step.blocks).length / 4) },
  }
  yield { type: 'message_stop' }
}

const opening = ({ model, usage }: StreamFacts): Event => ({
  type: 'message_start',
  message: {
    ...{ id: 'msg_test', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null },
    usage: {
      input_tokens: usage.input,
      cache_creation_input_tokens: usage.cacheWrite,
      cache_read_input_tokens: usage.cacheRead,
      output_tokens: 1,
    },
  },
})

function* blockEvents(index: number, block: StepBlock, { callId }: StreamFacts, breaks: Speech['breaks']): Generator<Event> {
  const content_block =
    block.type === 'text' ? { type: 'text', text: '' } : { type: 'tool_use', id: callId(), name: block.tool, input: {} }
  yield { type: 'content_block_start', index, content_block }
  if (index === 0) yield { type: 'ping' }
  for (const delta of deltasOf(block, breaks)) yield { type: 'content_block_delta', index, delta }
  if (breaks === undefined) yield { type: 'content_block_stop', index }
}

/** A broken call stops in the middle of its input. */
function* deltasOf(block: StepBlock, breaks: Speech['breaks']): Generator<Event> {
  if (block.type === 'text') {
    for (const text of block.pieces) yield { type: 'text_delta', text }
    return
  }
  const middle = Math.ceil(block.json.length / 2)
  yield { type: 'input_json_delta', partial_json: '' }
  yield { type: 'input_json_delta', partial_json: block.json.slice(0, middle) }
  if (breaks === undefined) yield { type: 'input_json_delta', partial_json: block.json.slice(middle) }
}

const stopReasonOf = ({ blocks, stopReason }: Speech) =>
  stopReason ?? (blocks.some(block => block.type === 'call') ? 'tool_use' : 'end_turn')
