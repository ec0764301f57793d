import type { Utterance } from '../../runtime/bus/agents.ts'
import type { LoopEvent } from '../loop.ts'
import type { Key } from './keys.ts'
import { edit, emptyLine, type Line } from './line-editor.ts'

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

/** One question with what became of it. */
export interface Entry {
  readonly id: string
  readonly by: string
  readonly question: string
  /** ISO 8601. */
  readonly at: string
  readonly state: Utterance['state']
  readonly answer: string
}

export type WindowEvent =
  | Exclude<LoopEvent, { type: 'activity' }>
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
    case 'question':
      return { ...state, entries: put(state.entries, { ...entryOf(event.question), state: 'answering', answer: '' }) }
    case 'delta':
      return {
        ...state,
        entries: change(state.entries, event.questionId, entry => ({ ...entry, answer: entry.answer + event.text })),
      }
    case 'answer':
      return {
        ...state,
        entries: change(state.entries, event.questionId, entry => ({ ...entry, state: event.outcome, answer: event.text })),
      }
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
  question: question.text,
  at: question.at,
  state: question.state,
  answer: '',
})

/** Questions with the answer of each. */
function entriesOf(utterances: readonly Utterance[]): Entry[] {
  const answers = new Map(utterances.map(utterance => [utterance.answers, utterance]))
  return utterances
    .filter(utterance => utterance.role === 'person')
    .map(question => ({ ...entryOf(question), answer: answers.get(question.id)?.text ?? '' }))
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
