import { expect, test } from 'bun:test'
import { presets } from '../desired-state/documents/presets.ts'
import type { AnswerReport, Briefing } from '../runtime/bus/protocol.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Delivered } from './inbox.ts'
import { createLoop, type LoopEvent } from './loop.ts'
import type { Model, ModelRequest } from './model.ts'

const briefing: Briefing = {
  ...{
    name: 'code',
    level: 1,
    description: '',
    prompt: 'Be brief.',
    promptHash: '',
    model: 'm',
    maxTokens: 9,
    policy: presets[1],
    configuration: '',
  },
  ...{
    mode: 'run',
    claude: { apiKey: 'k', baseUrl: undefined },
    redis: { socket: '', url: undefined, prefix: '', username: '', password: '' },
    version: '',
  },
}

const message = (id: string): Delivered => ({
  entry: `e-${id}`,
  message: { id, timestamp: '', source: 'person:ada', target: 'code', type: 'query', priority: 5, payload: {}, pai: {} },
})

/** A loop on a scripted model and an inbox in memory. */
function scripted(options: {
  model: Model
  unfinished?: Delivered[]
  waiting?: Delivered[]
  settled?: string[]
  failingReports?: number
}) {
  const events: LoopEvent[] = []
  const reports: [string, AnswerReport][] = []
  const acknowledged: string[] = []
  const waiting = [...(options.waiting ?? [])]
  let failing = options.failingReports ?? 0
  let current = briefing
  const loop = createLoop({
    briefing: () => current,
    model: () => options.model,
    inbox: () => ({
      unfinished: async () => options.unfinished ?? [],
      next: async () => waiting.shift(),
      acknowledge: async entry => void acknowledged.push(entry),
    }),
    async report(id, report) {
      if (failing-- > 0) throw new ApplianceError('waiting', 'away')
      reports.push([id, report])
      if (report.type !== 'start') return { outcome: 'recorded' }
      if (options.settled?.includes(id)) return { outcome: 'settled' }
      const question = {
        id,
        agent: 'code',
        thread: 't',
        role: 'person',
        by: 'ada',
        text: `question ${id}`,
        state: 'answering',
        at: '',
      } as const
      return { outcome: 'go', attempt: 3, history: [{ role: 'person', text: 'before' }], question }
    },
    emit: event => void events.push(event),
    sleep: async () => {},
  })
  const idle = async () => {
    loop.wake()
    while (loop.busy()) await Bun.sleep(1)
  }
  return { loop, events, reports, acknowledged, waiting, idle, set: (next: Briefing) => (current = next) }
}

const saying = (...pieces: string[]) =>
  async function* () {
    for (const text of pieces) yield { type: 'text' as const, text }
    yield { type: 'end' as const, complete: true, note: '' }
  }

test('a question becomes an answer, and is acknowledged only after the answer is taken', async () => {
  const requests: ModelRequest[] = []
  const run = scripted({
    waiting: [message('1')],
    model: request => {
      requests.push(request)
      return saying('a', 'b')()
    },
  })
  await run.idle()
  expect(requests).toMatchObject([
    { model: 'm', maxTokens: 9, turns: [{ text: 'before' }, { role: 'person', text: 'question 1' }] },
  ])
  expect(requests[0]?.system).toStartWith('Be brief.\n')
  expect(run.reports.at(-1)).toEqual(['1', { type: 'done', text: 'ab', attempt: 3 }])
  expect(run.acknowledged).toEqual(['e-1'])
  expect(run.events.map(event => event.type)).toEqual(['question', 'activity', 'delta', 'delta', 'answer', 'activity'])
})

test('what a dead process left is answered first, and what is settled already is only acknowledged', async () => {
  const run = scripted({
    unfinished: [message('old'), message('gone')],
    waiting: [message('new')],
    settled: ['gone'],
    model: saying('x'),
  })
  await run.idle()
  expect(run.acknowledged).toEqual(['e-old', 'e-gone', 'e-new'])
  expect(run.reports.filter(([, report]) => report.type === 'done').map(([id]) => id)).toEqual(['old', 'new'])
})

test('an answer is kept until the runtime takes it', async () => {
  const run = scripted({ waiting: [message('1')], model: saying('x'), failingReports: 5 })
  await run.idle()
  expect(run.reports.at(-1)).toEqual(['1', { type: 'done', text: 'x', attempt: 3 }])
})

test('a model that fails gives its sentence, after what it had said', async () => {
  const run = scripted({
    waiting: [message('1')],
    model: async function* () {
      yield { type: 'text', text: 'half' }
      throw new ApplianceError('failed', 'the line broke', { hint: 'ask again' })
    },
  })
  await run.idle()
  expect(run.reports.at(-1)).toEqual(['1', { type: 'failed', text: 'half\n\nThe line broke (ask again)', attempt: 3 }])
})

test('told to drain, it takes nothing more; told to run again, it goes on', async () => {
  const run = scripted({ waiting: [message('1')], model: saying('x') })
  run.set({ ...briefing, mode: 'drain' })
  await run.idle()
  expect(run.waiting).toHaveLength(1)
  run.set(briefing)
  await run.idle()
  expect(run.acknowledged).toEqual(['e-1'])
})

test('a message that cannot be read is acknowledged and forgotten', async () => {
  const run = scripted({ waiting: [{ entry: 'e-0', message: undefined }, message('1')], model: saying('x') })
  await run.idle()
  expect(run.acknowledged).toEqual(['e-0', 'e-1'])
})
