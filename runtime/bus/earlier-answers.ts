import type { Store } from '../store/store.ts'
import { findUtterance } from './conversations.ts'
import type { AnswerOutcome, AnswerReport, Turn } from './protocol.ts'
import type { Block, Entry } from './work.ts'
import type { Works } from './works.ts'

/** Answers as they were reported before there was work: said in its words. */
export function createEarlierAnswers(store: Store, works: Works) {
  const told = new Map<string, number>()
  const next = (work: string, count: number) => {
    const from = told.get(work) ?? 0
    told.set(work, from + count)
    return from
  }
  return async (agent: string, id: string, report: AnswerReport): Promise<AnswerOutcome> => {
    if (report.type === 'start') {
      const started = await works.start(agent, id)
      const question = started.outcome === 'go' ? await findUtterance(store, id) : undefined
      if (started.outcome !== 'go' || question === undefined) return { outcome: 'settled' }
      return { outcome: 'go', attempt: started.work.attempt, question, history: started.work.transcript.flatMap(turnOf) }
    }
    const { attempt, text } = report
    if (report.type === 'delta') {
      const { outcome } = await works.events(agent, id, { attempt, from: next(id, 1), events: [{ type: 'text', text }] })
      return { outcome }
    }
    if (report.type === 'done') {
      const question = await findUtterance(store, id)
      const entries = [entry('user', question?.text ?? ''), entry('assistant', text)]
      const events = entries.map(one => ({ type: 'entry' as const, entry: one }))
      await works.events(agent, id, { attempt, from: next(id, 2), events })
    }
    told.delete(id)
    const { outcome } = await works.finish(agent, id, { attempt, outcome: report.type, text })
    return { outcome }
  }
}

const entry = (role: Entry['role'], text: string): Entry => ({ role, content: [{ type: 'text', text }] })

function turnOf({ role, content }: Entry): Turn[] {
  const text = content.map((block: Block) => (typeof block.text === 'string' ? block.text : '')).join('')
  return text === '' ? [] : [{ role: role === 'user' ? 'person' : 'agent', text }]
}
