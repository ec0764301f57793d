import { expect, test } from 'bun:test'
import type { Message } from '../runtime/bus/envelope.ts'
import type { Work, WorkEnding } from '../runtime/bus/work.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Delivered } from './inbox.ts'
import { createLoop, type LoopEvent } from './loop.ts'

const message = (id: string, type: Message['type'] = 'query'): Delivered => ({
  entry: `e-${id}`,
  message: { id, timestamp: '', source: 'person:ada', target: 'code', type, priority: 5, payload: {}, pai: {} },
})

const workOf = (id: string): Work => ({
  ...{ id, kind: 'question', attempt: 3, thread: 't', by: 'ada', text: `question ${id}`, attachments: [] },
  ...{ task: undefined, transcript: [], begun: false, tainted: false },
})

/** A loop on an inbox in memory, whose works end when the test says so. */
function scripted(options: {
  readonly unfinished?: Delivered[]
  readonly waiting?: Delivered[]
  readonly settled?: string[]
  readonly failing?: number
  readonly held?: string[]
  readonly ending?: WorkEnding | undefined
}) {
  const events: LoopEvent[] = []
  const finished: [string, WorkEnding & { attempt: number }][] = []
  const acknowledged: string[] = []
  const started: string[] = []
  const waiting = [...(options.waiting ?? [])]
  const gates = new Map((options.held ?? []).map(id => [id, Promise.withResolvers<void>()]))
  let failing = options.failing ?? 0
  let drain = false
  const ending = 'ending' in options ? options.ending : { outcome: 'done' as const, text: 'x' }
  const loop = createLoop({
    draining: () => drain,
    inbox: () => ({
      unfinished: async () => (options.unfinished ?? []).filter(one => !acknowledged.includes(one.entry)),
      next: async () => waiting.shift(),
      acknowledge: async entry => void acknowledged.push(entry),
    }),
    async start(id) {
      if (failing-- > 0) throw new ApplianceError('waiting', 'away')
      if (options.settled?.includes(id)) return { outcome: 'settled' }
      return { outcome: 'go', work: workOf(id) }
    },
    carryOut({ id }) {
      started.push(id)
      return { ended: (gates.get(id)?.promise ?? Promise.resolve()).then(() => ending), ask: () => {} }
    },
    async finish(id, finish) {
      if (failing-- > 0) throw new ApplianceError('waiting', 'away')
      finished.push([id, finish])
      return { outcome: 'recorded' }
    },
    emit: event => void events.push(event),
    clock: { now: () => new Date(), sleep: async () => {} },
  })
  const idle = async () => {
    loop.wake()
    while (loop.busy()) await Bun.sleep(1)
  }
  return { loop, events, finished, acknowledged, started, waiting, idle, gates, drain: (on: boolean) => (drain = on) }
}

test('a message becomes a work, and is acknowledged only after its end is taken', async () => {
  const run = scripted({ waiting: [message('1')] })
  await run.idle()
  expect(run.finished).toEqual([['1', { outcome: 'done', text: 'x', attempt: 3 }]])
  expect(run.acknowledged).toEqual(['e-1'])
  expect(run.events.map(event => event.type)).toEqual(['started', 'activity', 'ended', 'activity'])
  expect(run.events[1]).toMatchObject({ activity: 'answering', doing: 'answering ada: “question 1”' })
})

test('what a dead process left is taken up first, and what is settled already is only acknowledged', async () => {
  const run = scripted({ unfinished: [message('old'), message('gone')], waiting: [message('new')], settled: ['gone'] })
  await run.idle()
  expect(run.acknowledged).toEqual(['e-old', 'e-gone', 'e-new'])
  expect(run.finished.map(([id]) => id)).toEqual(['old', 'new'])
})

test('an end is kept until the runtime takes it', async () => {
  const run = scripted({ waiting: [message('1')], failing: 5 })
  await run.idle()
  expect(run.finished).toHaveLength(1)
})

test('what counts no more is not finished, and leaves the inbox', async () => {
  const run = scripted({ waiting: [message('1')], ending: undefined })
  await run.idle()
  expect(run.finished).toEqual([])
  expect(run.acknowledged).toEqual(['e-1'])
  expect(run.events.map(event => event.type)).toContain('settled')
})

test('somebody who asks is answered while a task is under way; a second task waits for the first', async () => {
  const run = scripted({
    waiting: [message('task', 'task'), message('other', 'task'), message('question')],
    held: ['task'],
  })
  run.loop.wake()
  while (run.finished.length === 0) await Bun.sleep(1)
  expect(run.finished.map(([id]) => id)).toEqual(['question'])
  expect(run.started).toEqual(['task', 'question'])
  run.gates.get('task')?.resolve()
  await run.idle()
  expect(run.acknowledged).toEqual(['e-question', 'e-task', 'e-other'])
})

test('told to drain, it takes nothing more and finishes what it does; told to run again, it goes on', async () => {
  const unfinished = [message('1'), message('2')]
  const run = scripted({ unfinished, held: ['1'] })
  run.loop.wake()
  while (run.started.length === 0) await Bun.sleep(1)
  run.drain(true)
  run.gates.get('1')?.resolve()
  await run.idle()
  expect(run.acknowledged).toEqual(['e-1'])
  run.drain(false)
  await run.idle()
  expect(run.acknowledged).toEqual(['e-1', 'e-2'])
})

test('a message that cannot be read is acknowledged and forgotten', async () => {
  const run = scripted({ waiting: [{ entry: 'e-0', message: undefined }, message('1')] })
  await run.idle()
  expect(run.acknowledged).toEqual(['e-0', 'e-1'])
})
