import type { Utterance } from '../runtime/bus/agents.ts'
import type { AnswerOutcome, AnswerReport, Briefing } from '../runtime/bus/protocol.ts'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import type { Delivered, Inbox } from './inbox.ts'
import type { Model } from './model.ts'

/** Everything that happens in an agent, in the order it happens. */
export type LoopEvent =
  | { readonly type: 'activity'; readonly activity: 'idle' | 'answering'; readonly doing: string }
  | { readonly type: 'question'; readonly question: Utterance }
  | { readonly type: 'delta'; readonly questionId: string; readonly text: string }
  | { readonly type: 'answer'; readonly questionId: string; readonly outcome: 'done' | 'failed'; readonly text: string }

export interface LoopDeps {
  readonly briefing: () => Briefing
  readonly model: (briefing: Briefing) => Model
  /** Undefined while there is no connection to Redis. */
  readonly inbox: () => Pick<Inbox, 'unfinished' | 'next' | 'acknowledge'> | undefined
  readonly report: (questionId: string, report: AnswerReport) => Promise<AnswerOutcome>
  readonly emit: (event: LoopEvent) => void
  readonly sleep: (milliseconds: number) => Promise<void>
}

/** Takes one message after the other from the inbox and answers it. */
export interface Loop {
  /** Something may have changed: a message, the mode, the connection. Returns at once; calls are coalesced. */
  wake(): void
  /** A new connection: what was delivered before and not acknowledged is taken up first. */
  reconnected(): void
  /** Something was taken up and is not finished. */
  busy(): boolean
}

/** Milliseconds between two reports of an answer as it comes. */
const deltaInterval = 60

export function createLoop(deps: LoopDeps): Loop {
  let running = false
  let again = false
  let recover = true

  const take = async (): Promise<boolean> => {
    const inbox = deps.inbox()
    if (inbox === undefined || draining(deps)) return false
    if (recover) {
      for (const delivered of await inbox.unfinished()) {
        if (draining(deps)) return false
        await handle(deps, inbox, delivered)
      }
      recover = false
    }
    const delivered = draining(deps) ? undefined : await inbox.next()
    if (delivered === undefined) return false
    await handle(deps, inbox, delivered)
    return true
  }

  const run = async () => {
    running = true
    while (again) {
      again = false
      try {
        while (await take());
      } catch {
        recover = true
      }
    }
    running = false
    deps.emit({ type: 'activity', activity: 'idle', doing: '' })
  }

  const wake = () => {
    again = true
    if (!running) void run()
  }
  return {
    wake,
    reconnected() {
      recover = true
      wake()
    },
    busy: () => running,
  }
}

const draining = (deps: LoopDeps) => deps.briefing().mode === 'drain'

async function handle(deps: LoopDeps, inbox: Pick<Inbox, 'acknowledge'>, { entry, message }: Delivered): Promise<void> {
  if (message !== undefined) {
    const outcome = await persistently(deps, () => deps.report(message.id, { type: 'start' }))
    if (outcome?.outcome === 'go') await answer(deps, outcome)
  }
  await inbox.acknowledge(entry)
}

type Go = Extract<AnswerOutcome, { outcome: 'go' }>

async function answer(deps: LoopDeps, { question, attempt, history }: Go): Promise<void> {
  const doing = `answering ${question.by}: “${excerpt(question.text)}”`
  deps.emit({ type: 'question', question })
  deps.emit({ type: 'activity', activity: 'answering', doing })
  const ending = await speak(deps, question, attempt, history)
  deps.emit({ type: 'answer', questionId: question.id, outcome: ending.type, text: ending.text })
  await persistently(deps, () => deps.report(question.id, { ...ending, attempt }))
}

async function speak(
  deps: LoopDeps,
  question: Utterance,
  attempt: number,
  history: Go['history'],
): Promise<{ readonly type: 'done' | 'failed'; readonly text: string }> {
  const briefing = deps.briefing()
  const stop = new AbortController()
  const pieces = batches(deps, question.id, attempt, () => stop.abort())
  let text = ''
  try {
    const turns = [...history, { role: 'person' as const, text: question.text }]
    const request = { model: briefing.model, maxTokens: briefing.maxTokens, system: systemPrompt(briefing), turns }
    for await (const event of deps.model(briefing)(request, stop.signal)) {
      if (event.type === 'text') {
        text += event.text
        deps.emit({ type: 'delta', questionId: question.id, text: event.text })
        pieces.add(event.text)
      } else if (!event.complete) text += `${text === '' ? '' : '\n\n'}[${event.note}]`
    }
    await pieces.flush()
    return { type: text === '' ? 'failed' : 'done', text: text === '' ? 'Claude gave an empty answer; ask again' : text }
  } catch (error) {
    await pieces.flush()
    return { type: 'failed', text: `${text === '' ? '' : `${text}\n\n`}${sentence(explain(error))}` }
  }
}

const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}`

/** Reports pieces of an answer a few times a second, never two at once; told that nobody waits for it, it stops the model. */
function batches(deps: LoopDeps, questionId: string, attempt: number, unwanted: () => void) {
  let pending = ''
  let sending: Promise<void> | undefined
  const send = async () => {
    while (pending !== '') {
      const text = pending
      pending = ''
      const answer = await deps.report(questionId, { type: 'delta', attempt, text }).catch(() => undefined)
      if (answer?.outcome === 'settled') unwanted()
      await deps.sleep(deltaInterval)
    }
    sending = undefined
  }
  return {
    add(text: string) {
      pending += text
      sending ??= send()
    },
    async flush() {
      await sending
    },
  }
}

/**
 * Until the runtime has taken it: an answer that was given is not lost because the runtime is being restarted.
 * Undefined when it refuses for good.
 */
async function persistently<T>(deps: LoopDeps, work: () => Promise<T>): Promise<T | undefined> {
  for (let wait = 200; ; wait = Math.min(wait * 2, 2_000)) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ApplianceError && error.kind === 'invalid') return undefined
      await deps.sleep(wait)
    }
  }
}

const systemPrompt = ({ name, description, prompt }: Briefing) =>
  `${prompt.trim()}\n\nYou are the agent "${name}"${description === '' ? '' : ` (${description})`} of AI Infrastructure on this server.`

const excerpt = (text: string) => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}
