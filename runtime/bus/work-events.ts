import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'
import { clean } from './clean.ts'
import { keepText } from './conversations.ts'
import type { LiveAnswer, LiveAnswers } from './live-answers.ts'
import { taint } from './threads.ts'
import { addEntries, addUsage } from './transcripts.ts'
import type { Block, Entry, WorkEvent } from './work.ts'
import { endStep, startStep } from './work-steps.ts'

interface EventDeps {
  readonly store: Store
  readonly clock: Clock
  readonly live: LiveAnswers
}

/** Writes one event down: text and output a moment later, everything else before this resolves. */
export async function takeEvent(
  { store, clock, live: lives }: EventDeps,
  live: LiveAnswer,
  number: number,
  event: WorkEvent,
): Promise<void> {
  const { agent, work, attempt } = live
  const { thread } = live.question
  const origin = { work, attempt, event: number }
  switch (event.type) {
    case 'text':
      return lives.append(live, clean(event.text))
    case 'retracted':
      return lives.replace(live, live.text.slice(0, live.kept), live.kept)
    case 'tool-started': {
      const { call, tool, title } = event
      const step = { work, thread, call: clean(call), tool: clean(tool), title: clean(title), afterText: live.text.length }
      return startStep(store, step, clock.now())
    }
    case 'tool-output':
      return lives.output(live, clean(event.call), clean(event.text))
    case 'tool-ended':
      return endStep(store, work, clean(event.call), { ...event, summary: clean(event.summary) })
    case 'entry': {
      const text = textWith(live, event.entry)
      await store.begin(async transaction => {
        await addEntries(transaction, thread, origin, [event.entry], false, clock.now())
        await keepText(transaction, live.answer.id, attempt, text, text.length)
      })
      return lives.replace(live, text, text.length)
    }
    case 'compacted':
      await store.begin(transaction => addEntries(transaction, thread, origin, event.entries, true, clock.now()))
      return
    case 'usage':
      return addUsage(store, agent, thread, origin, event.usage, clock.now())
    case 'tainted':
      return taint(store, thread, clean(event.source))
    case 'waiting':
      return
  }
}

/** The answer's text up to and with an entry, whatever pieces of it came or did not. */
function textWith({ text, kept }: LiveAnswer, { role, content }: Entry): string {
  const before = text.slice(0, kept)
  const said = role === 'assistant' ? clean(content.map(textOf).join('')) : ''
  return said === '' ? before : before === '' ? said : `${before}\n\n${said}`
}

const textOf = (block: Block): string => (block.type === 'text' && typeof block.text === 'string' ? block.text : '')
