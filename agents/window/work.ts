import type { WorkEnding, WorkEvent } from '../../runtime/bus/work.ts'

/** What a person sees of one work, in the order it happened. */
export interface Course {
  readonly parts: readonly Part[]
  /** Those that stand; what came after them may still be taken back. */
  readonly kept: readonly Part[]
  /** Why it stands still; empty while it goes on. */
  readonly waiting: string
}

export type Part =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'call'
      readonly call: string
      readonly tool: string
      readonly title: string
      /** The last line that it wrote. */
      readonly output: string
      readonly end:
        | { readonly outcome: 'done' | 'failed' | 'denied'; readonly summary: string; readonly milliseconds: number }
        | undefined
    }
  /** Something that a person should know: text of strangers, a summary in place of the beginning, a failure. */
  | { readonly type: 'note'; readonly text: string; readonly failed: boolean }

export const emptyCourse: Course = { parts: [], kept: [], waiting: '' }

export const saidBefore = (text: string): Course => {
  const parts: Part[] = text === '' ? [] : [{ type: 'text', text }]
  return { parts, kept: parts, waiting: '' }
}

export function follow(course: Course, event: WorkEvent): Course {
  const { parts } = course
  const put = (next: readonly Part[]): Course => ({ ...course, parts: next })
  switch (event.type) {
    case 'text': {
      const last = parts.at(-1)
      if (last?.type !== 'text' || course.kept.includes(last)) return put([...parts, { type: 'text', text: event.text }])
      return put([...parts.slice(0, -1), { type: 'text', text: last.text + event.text }])
    }
    case 'retracted':
      return put(course.kept)
    case 'tool-started': {
      const { call, tool, title } = event
      return put([...parts, { type: 'call', call, tool, title, output: '', end: undefined }])
    }
    case 'tool-output': {
      const line = event.text.trimEnd().split('\n').at(-1) ?? ''
      return put(parts.map(part => (part.type === 'call' && part.call === event.call ? { ...part, output: line } : part)))
    }
    case 'tool-ended': {
      const { outcome, summary, milliseconds } = event
      const end = { outcome, summary, milliseconds }
      return put(parts.map(part => (part.type === 'call' && part.call === event.call ? { ...part, end } : part)))
    }
    case 'entry':
      return { ...course, kept: parts }
    case 'waiting':
      return { ...course, waiting: event.reason }
    case 'compacted':
      return put([...parts, note('The beginning of the conversation was replaced by a summary.')])
    case 'tainted':
      return put([...parts, note(`Text of strangers came in: ${event.source}`)])
    case 'usage':
      return course
  }
}

const note = (text: string): Part => ({ type: 'note', text, failed: false })

/** The end, with what of it was not said yet. */
export function finish(course: Course, { outcome, text }: WorkEnding): Course {
  const said = course.parts
    .flatMap(part => (part.type === 'text' ? [part.text.trim()] : []))
    .filter(words => words !== '')
    .join('\n\n')
  const words = text.trim()
  const left = said !== '' && said.endsWith(words) ? '' : words.startsWith(said) ? words.slice(said.length).trim() : words
  const last: Part[] =
    left === '' ? [] : [outcome === 'done' ? { type: 'text', text: left } : { type: 'note', text: left, failed: true }]
  const parts = [...course.parts, ...last]
  return { parts, kept: parts, waiting: '' }
}
