import type { Utterance } from '../../runtime/bus/agents.ts'
import type { LoopEvent } from '../loop.ts'
import type { Key } from './keys.ts'
import { edit, emptyLine, type Line } from './line-editor.ts'
import { type Course, emptyCourse, finish, follow, saidBefore } from './work.ts'

/** Everything that the window shows. */
export interface WindowState {
  readonly name: string
  /** Undefined until the first briefing. */
  readonly who: { readonly level: number; readonly description: string; readonly model: string } | undefined
  readonly activity: 'connecting' | 'idle' | 'answering' | 'draining'
  readonly entries: readonly Entry[]
  readonly line: Line
  /** Lines scrolled up from the end. */
  readonly scroll: number
  /** What keeps the agent from answering, and what to do about it; empty when nothing does. */
  readonly obstacle: string
}

/** One question or task with what became of it. */
export interface Entry {
  readonly id: string
  readonly by: string
  /** Name of the task; undefined for a question. */
  readonly task: string | undefined
  readonly question: string
  /** ISO 8601. */
  readonly at: string
  readonly state: Utterance['state']
  readonly course: Course
}

export type WindowEvent =
  | Exclude<LoopEvent, { type: 'activity' | 'started' }>
  /** `at`: ISO 8601. */
  | (Extract<LoopEvent, { type: 'started' }> & { readonly at: string })
  | { readonly type: 'standing'; readonly activity: 'idle' | 'answering' | 'draining' }
  | { readonly type: 'briefed'; readonly level: number; readonly description: string; readonly model: string }
  | { readonly type: 'obstacle'; readonly message: string }
  | { readonly type: 'conversation'; readonly utterances: readonly Utterance[] }
  | { readonly type: 'asked'; readonly question: Utterance }
  | { readonly type: 'key'; readonly key: Key; readonly page: number }

export const firstState = (name: string): WindowState => ({
  name,
  who: undefined,
  activity: 'connecting',
  entries: [],
  line: emptyLine,
  scroll: 0,
  obstacle: '',
})

const mostEntries = 200

export function next(state: WindowState, event: WindowEvent): WindowState {
  const on = (id: string, by: (entry: Entry) => Entry): WindowState => ({ ...state, entries: change(state.entries, id, by) })
  switch (event.type) {
    case 'briefed':
      return { ...state, who: { level: event.level, description: event.description, model: event.model } }
    case 'standing':
      return { ...state, activity: event.activity }
    case 'obstacle':
      return { ...state, obstacle: event.message }
    case 'conversation':
      return { ...state, entries: entriesOf(event.utterances) }
    case 'asked':
      return { ...state, entries: put(state.entries, entryOf(event.question)), scroll: 0 }
    case 'started': {
      const { id, by, text, task } = event.work
      const begun = {
        id,
        by: task?.by ?? by,
        question: text,
        task: task?.name,
        at: event.at,
        state: 'answering',
        course: emptyCourse,
      } as const
      return { ...state, entries: put(state.entries, begun) }
    }
    case 'work':
      return on(event.work, entry => ({ ...entry, course: follow(entry.course, event.event) }))
    case 'ended':
      return on(event.work, entry => ({ ...entry, state: event.ending.outcome, course: finish(entry.course, event.ending) }))
    case 'settled':
      return on(event.work, entry => ({ ...entry, state: 'done', course: { ...entry.course, waiting: '' } }))
    case 'key':
      return pressed(state, event.key, event.page)
  }
}

function pressed(state: WindowState, key: Key, page: number): WindowState {
  const scroll = (by: number) => ({ ...state, scroll: Math.max(state.scroll + by, 0) })
  if (key.type === 'command') {
    if (key.command === 'page-up') return scroll(page)
    if (key.command === 'page-down') return scroll(-page)
    if (key.command === 'scroll-up') return scroll(3)
    if (key.command === 'scroll-down') return scroll(-3)
  }
  return { ...state, line: edit(state.line, key).line }
}

const entryOf = (question: Utterance): Entry => ({
  id: question.id,
  by: question.by,
  task: undefined,
  question: question.text,
  at: question.at,
  state: question.state,
  course: emptyCourse,
})

/** Questions with the answer of each. */
function entriesOf(utterances: readonly Utterance[]): Entry[] {
  const answers = new Map(utterances.map(utterance => [utterance.answers, utterance]))
  return utterances
    .filter(utterance => utterance.role !== 'agent')
    .map(question => ({ ...entryOf(question), course: saidBefore(answers.get(question.id)?.text ?? '') }))
}

function put(entries: readonly Entry[], entry: Entry): Entry[] {
  const known = entries.some(other => other.id === entry.id)
  if (known) return entries.map(other => (other.id === entry.id && isNewer(entry, other) ? { ...entry, at: other.at } : other))
  return [...entries, entry].slice(-mostEntries)
}

/** The answer to what was typed may come before the word that it was accepted. */
const isNewer = (entry: Entry, known: Entry) => entry.state !== 'queued' || known.state === 'queued'

const change = (entries: readonly Entry[], id: string, by: (entry: Entry) => Entry): Entry[] =>
  entries.map(entry => (entry.id === id ? by(entry) : entry))
