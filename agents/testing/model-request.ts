import { type Fields, readFields } from '../../runtime/bus/parse.ts'

/** What the Messages API was asked. */
export interface ModelCall {
  /** Whose question it is, after the system prompt's frame; empty when it has none. */
  readonly agent: string
  readonly model: string
  readonly system: string
  readonly maxTokens: number
  /** What was said: text, results of tools, calls as `tool {"input":…}`; without the loop's own `<context …>`. */
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[]
  /** Names of the tools on offer, in their order. */
  readonly tools: readonly string[]
  readonly apiKey: string
  /** The request, byte for byte. */
  readonly body: string
}

export function readModelCall(body: string, apiKey: string): ModelCall {
  const fields = readFields(JSON.parse(body), 'request')
  const system = textOf(fields.raw.system)
  return {
    agent: /You are the agent "([^"]+)"/.exec(system)?.[1] ?? '',
    model: fields.text('model'),
    system,
    maxTokens: fields.integer('max_tokens'),
    messages: fields.list('messages', message => ({
      role: message.oneOf('role', ['user', 'assistant']),
      content: textOf(message.raw.content),
    })),
    tools: fields.raw.tools === undefined ? [] : fields.list('tools', tool => tool.text('name')),
    apiKey,
    body,
  }
}

/** What the real API would refuse, in its words; undefined when the request is in order. */
export function faultOf(body: string): string | undefined {
  const fields = readFields(JSON.parse(body), 'request')
  if (fields.raw.stream !== true) return 'this server streams'
  if ('temperature' in fields.raw) return 'temperature is deprecated for this model'
  const messages = fields.list('messages', message => ({
    role: message.oneOf('role', ['user', 'assistant']),
    blocks: blocksOf(message.raw.content),
  }))
  if (messages[0]?.role !== 'user') return 'the first message must be of the user'
  if (messages.at(-1)?.role !== 'user') return 'this model does not support assistant message prefill'
  let open: string[] = []
  for (const [place, { role, blocks }] of messages.entries()) {
    if (blocks.length === 0) return `messages.${place}: content must not be empty`
    if (blocks.some(block => block.raw.type === 'text' && block.text('text').trim() === '')) {
      return `messages.${place}: text content blocks must contain non-whitespace text`
    }
    const answered = blocks.filter(block => block.raw.type === 'tool_result').map(block => block.text('tool_use_id'))
    const missing = open.filter(id => !answered.includes(id))
    if (missing.length > 0) {
      return `messages.${place}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}`
    }
    const stray = answered.filter(id => !open.includes(id))
    if (stray.length > 0)
      return `messages.${place}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray.join(', ')}`
    if (new Set(answered).size < answered.length) return `messages.${place}: each tool_use must have a single result`
    open = role === 'assistant' ? blocks.filter(block => block.raw.type === 'tool_use').map(block => block.text('id')) : []
    if (new Set(open).size < open.length) return `messages.${place}: \`tool_use\` ids must be unique`
  }
  return undefined
}

const blocksOf = (content: unknown): readonly Fields[] =>
  typeof content === 'string' ? [readFields({ type: 'text', text: content })] : readFields({ content }).list('content', x => x)

function textOf(content: unknown): string {
  if (content === undefined) return ''
  if (typeof content === 'string') return content
  return blocksOf(content)
    .map(wordsOf)
    .filter(words => words !== '' && !/^<context[ >]/.test(words))
    .join('\n')
}

function wordsOf(block: Fields): string {
  if (block.raw.type === 'text') return block.text('text')
  if (block.raw.type === 'tool_result') return textOf(block.raw.content)
  if (block.raw.type === 'tool_use') return `${block.text('name')} ${JSON.stringify(block.raw.input)}`
  return ''
}
