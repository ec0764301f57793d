import { readFields } from '../../runtime/bus/parse.ts'
import type { Block, Entry, Work } from '../../runtime/bus/work.ts'
import { wrapMaterial } from './material.ts'

/** A call of a tool, as the model made it. */
export interface ToolCall {
  readonly id: string
  readonly tool: string
  readonly input: unknown
}

export const text = (words: string): Block => ({ type: 'text', text: words })
export const user = (...content: readonly Block[]): Entry => ({ role: 'user', content })

/** What goes with the words of a person or a task: everything that changes stands here, and nothing of it in the system prompt. */
export function openingOf(work: Work, now: Date, context: string | undefined, random: () => string): Block[] {
  const lines = [
    `<context work="${work.id}" kind="${work.kind}">`,
    `Now it is ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC.`,
    work.task === undefined ? `This was said by ${work.by}.` : `This task was given by ${work.task.by}.`,
    ...(context === undefined ? [] : [context]),
    '</context>',
  ]
  const words = work.task === undefined ? work.text : taskWords(work, random)
  return [text(lines.join('\n')), ...work.attachments, text(words.trim() === '' ? '(nothing was said)' : words)]
}

function taskWords({ text: words, task }: Work, random: () => string): string {
  if (task === undefined) return words
  const minutes = Math.round(task.timeout / 60_000)
  return [
    `# Task: ${task.name}`,
    words.trim() === '' ? task.description : words,
    ...(task.criteria.length === 0 ? [] : [`It is done when:\n${task.criteria.map(one => `- ${one}`).join('\n')}`]),
    ...task.inputs.map(
      ({ name, agent, result }) => `Result of the task "${name}" by ${agent}:\n${wrapMaterial(result, `task ${name}`, random())}`,
    ),
    ...(minutes > 0 ? [`There are ${minutes} minutes for it.`] : []),
    'Do it now. Your last words become its result: say what was done, where it is, and what is missing.',
  ].join('\n\n')
}

/** A note that a try of the work failed, so that whoever takes it up again begins anew. */
export const failureNote = (work: string, reason: string): Entry =>
  user(text(`<context ended="${work}">\nThis try failed: ${reason}\n</context>`))

const firstText = (entry: Entry | undefined): string => {
  const block = entry?.content[0]
  return typeof block?.text === 'string' ? block.text : ''
}

export const isFailureNote = (entry: Entry | undefined, work: string): boolean =>
  entry?.role === 'user' && firstText(entry).startsWith(`<context ended="${work}">`)

/** Where the newest opening of the work stands; -1 where there is none. */
export const openingPlace = (entries: readonly Entry[], work: string): number =>
  entries.findLastIndex(
    ({ role, content }) =>
      role === 'user' &&
      content.some(block => typeof block.text === 'string' && block.text.startsWith(`<context work="${work}"`)),
  )

/** The calls that an entry of the model makes. */
export const callsOf = (entry: Entry | undefined): readonly ToolCall[] =>
  entry?.role !== 'assistant'
    ? []
    : entry.content
        .filter(block => block.type === 'tool_use')
        .map(block => readFields(block, 'tool_use'))
        .map(fields => ({ id: fields.text('id'), tool: fields.text('name'), input: fields.raw.input }))

/** What an entry of the model says. */
export const wordsOf = (entry: Entry | undefined): string =>
  entry?.role !== 'assistant'
    ? ''
    : entry.content
        .flatMap(block => (block.type === 'text' && typeof block.text === 'string' ? [block.text] : []))
        .join('')
        .trim()

export const resultBlock = (call: string, content: string | readonly Block[], isError: boolean): Block => ({
  type: 'tool_result',
  tool_use_id: call,
  content,
  ...(isError ? { is_error: true } : {}),
})

/** As Postgres keeps it, so that what is read back has the same bytes: no NUL, no half of a surrogate pair. */
export function cleanEntry(entry: Entry): Entry {
  const json = JSON.stringify(entry)
  if (!/\\u(0000|d[89a-f])/i.test(json)) return entry
  return { role: entry.role, content: entry.content.map(block => ({ ...cleanRecord(block), type: block.type })) }
}

const cleanRecord = (value: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleanText(key), clean(inner)]))

function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (Array.isArray(value)) return value.map(clean)
  return typeof value === 'object' && value !== null ? cleanRecord({ ...value }) : value
}

const cleanText = (words: string) => words.replaceAll('\0', '').toWellFormed()
