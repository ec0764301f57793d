import type { ContentBlock, RawContentBlockDelta, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import type { Block, Usage } from '../../runtime/bus/work.ts'
import { invalidJson } from '../model.ts'

/** Puts an answer together from its stream. */
export interface Assembly {
  /** Gives the piece of text that the event brought; empty for none. */
  add(event: RawMessageStreamEvent): string
  /** The first event has come: tokens were spent. */
  begun(): boolean
  /** What was counted so far; undefined before it began. */
  usage(): Usage | undefined
  /** The answer, when it came whole. Only the words and calls of it: what is empty would be refused when it is sent back. */
  end(): { readonly content: readonly Block[]; readonly stop: string; readonly usage: Usage } | undefined
}

export function createAssembly(model: string): Assembly {
  const blocks = new Map<number, Part>()
  let usage: Usage | undefined
  let stop: string | undefined
  let whole = false
  return {
    add(event) {
      switch (event.type) {
        case 'message_start': {
          const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = event.message.usage
          usage = {
            model,
            inputTokens: input_tokens,
            outputTokens: output_tokens,
            cacheReadTokens: cache_read_input_tokens ?? 0,
            cacheWriteTokens: cache_creation_input_tokens ?? 0,
          }
          return ''
        }
        case 'content_block_start':
          blocks.set(event.index, { block: event.content_block, text: '', json: '', signature: '' })
          return event.content_block.type === 'text' ? append(blocks.get(event.index), event.content_block.text) : ''
        case 'content_block_delta':
          return applied(blocks.get(event.index), event.delta)
        case 'message_delta':
          stop = event.delta.stop_reason ?? stop
          if (usage !== undefined) {
            usage = {
              model,
              inputTokens: event.usage.input_tokens ?? usage.inputTokens,
              outputTokens: event.usage.output_tokens,
              cacheReadTokens: event.usage.cache_read_input_tokens ?? usage.cacheReadTokens,
              cacheWriteTokens: event.usage.cache_creation_input_tokens ?? usage.cacheWriteTokens,
            }
          }
          return ''
        case 'message_stop':
          whole = true
          return ''
        default:
          return ''
      }
    },
    begun: () => usage !== undefined,
    usage: () => usage,
    end() {
      if (!whole || stop === undefined || usage === undefined) return undefined
      const content = [...blocks.values()].flatMap(finished)
      return { content, stop, usage }
    },
  }
}

interface Part {
  readonly block: ContentBlock
  text: string
  json: string
  signature: string
}

function append(part: Part | undefined, text: string): string {
  if (part === undefined || text === '') return ''
  part.text += text
  return part.block.type === 'text' ? text : ''
}

function applied(part: Part | undefined, delta: RawContentBlockDelta): string {
  if (part === undefined) return ''
  if (delta.type === 'text_delta') return append(part, delta.text)
  if (delta.type === 'thinking_delta') return append(part, delta.thinking)
  if (delta.type === 'input_json_delta') part.json += delta.partial_json
  if (delta.type === 'signature_delta') part.signature += delta.signature
  return ''
}

function finished({ block, text, json, signature }: Part): Block[] {
  if (block.type === 'text') return text.trim() === '' ? [] : [{ type: 'text', text }]
  if (block.type === 'thinking')
    return [{ type: 'thinking', thinking: block.thinking + text, signature: block.signature + signature }]
  if (block.type === 'tool_use') {
    return [{ type: 'tool_use', id: block.id, name: block.name, input: json === '' ? (block.input ?? {}) : inputOf(json) }]
  }
  return [{ ...block }]
}

/** The API takes objects only, so what is none goes back as one that says so. */
function inputOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told to the model by its key.
  }
  return { [invalidJson]: json }
}
