import type { Work, WorkEnding } from '../../runtime/bus/work.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { ModelRequest } from '../model.ts'
import { type CallRound, createCalls, refused } from './calls.ts'
import { compact, compactionPoint, estimateTokens } from './compaction.ts'
import { type Desk, openDesk, type Persona, type WorkDeps, type Workplace } from './desk.ts'
import { callsOf, failureNote, isFailureNote, openingOf, openingPlace, type ToolCall, text, user, wordsOf } from './entries.ts'
import { createRepetition } from './repetition.ts'
import { takeTurn } from './turn.ts'

/** A work under way. */
export interface RunningWork {
  /** How it ended; undefined when nothing of it counts any more. */
  readonly ended: Promise<WorkEnding | undefined>
  /** Something may have changed: the runtime is asked whether the work still counts. */
  ask(): void
}

/**
 * Carries out one work: asks the model, makes the calls that it wants, and so on until it has nothing more to do. Everything
 * that it needs to go on stands in the conversation, so another process that starts from there goes on at the same place.
 */
export function startWork(deps: WorkDeps, work: Work): RunningWork {
  const desk = openDesk(deps, work)
  const run = async () => {
    try {
      // A tool or a hook that does not end must not keep an agent from ending what counts no more.
      return await Promise.race([carryOut(deps, desk), aborted(desk.signal)])
    } catch (error) {
      if (desk.signal.aborted) return undefined
      return failing(desk, [], sentence(explain(error)))
    } finally {
      desk.close()
    }
  }
  return { ended: run(), ask: desk.ask }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

/** What changes while a work goes on. */
interface Course {
  persona: Persona
  call: (calls: readonly ToolCall[]) => Promise<CallRound>
  turns: number
  /** Tokens of the conversation, as last counted. */
  tokens: number
  /** Tokens above which it is shortened. */
  compactAt: number
  /** Answers in a row that said nothing. */
  empty: number
  /** Times that a hook did not let it end. */
  heldBack: number
  readonly said: string[]
  readonly place: Workplace
}

async function carryOut(deps: WorkDeps, desk: Desk): Promise<WorkEnding> {
  const { work, signal } = desk
  const [persona, place] = await Promise.all([desk.persona(), deps.workplace(work, signal)])
  const blocked = await begin(deps, desk)
  if (blocked !== undefined) return { outcome: 'failed', text: sentence(blocked) }
  const own = desk.entries().slice(openingPlace(desk.entries(), work.id) + 1)
  const course: Course = {
    ...{ persona, place, compactAt: pointOf(desk, persona), call: callsAt(desk, place, persona) },
    turns: own.filter(entry => entry.role === 'assistant').length,
    tokens: estimateTokens(desk.entries()),
    ...{ empty: 0, heldBack: 0 },
    said: own.map(wordsOf).filter(words => words !== ''),
  }
  for (;;) {
    const last = desk.entries().at(-1)
    const calls = callsOf(last)
    const ending =
      last?.role !== 'assistant'
        ? await think(desk, course)
        : calls.length > 0
          ? await act(desk, course, calls)
          : await conclude(desk, course)
    if (ending !== undefined) return ending
  }
}

const pointOf = ({ limits }: Desk, { request }: Persona) => compactionPoint(limits.compactAt, request.maxTokens)

function callsAt(desk: Desk, { workspace, folder, run, keep }: Workplace, { toolbox }: Persona): Course['call'] {
  const { work, signal, agent, door, lifecycle, tell, nonce, clock } = desk
  const context = { agent, work: work.id, task: work.task?.id, thread: work.thread, workspace, folder, signal, run }
  const now = () => clock.now().getTime()
  const { waits } = desk.turn
  return createCalls(
    { agent, work, tools: toolbox.tools, context, door, lifecycle, tell, waits, keep, nonce, now },
    createRepetition(),
  )
}

/** Says what the work is, unless that was said before the process died. Gives why it must not begin. */
async function begin(deps: WorkDeps, desk: Desk): Promise<string | undefined> {
  const { work, lifecycle, signal } = desk
  const entries = desk.entries()
  const again = isFailureNote(entries.at(-1), work.id)
  const started = deps.sessions.has(work.thread)
  deps.sessions.add(work.thread)
  const source = entries.length === 0 ? 'startup' : 'resume'
  const session = started ? {} : await lifecycle.reach('SessionStart', { thread: work.thread, source }, signal)
  if (work.begun && !again) return undefined
  const told = { work: work.id, thread: work.thread, by: work.by, prompt: work.text }
  const submit = await lifecycle.reach('UserPromptSubmit', told, signal)
  if (submit.block !== undefined) return submit.block
  const context = [session.context, submit.context].filter(words => words !== undefined).join('\n')
  const left = refused(callsOf(entries.at(-1)), 'The work was stopped before this call ended; its outcome is unknown.').content
  const opening = openingOf(work, desk.clock.now(), context === '' ? undefined : context, desk.nonce)
  await desk.add(user(...left, ...opening))
  return undefined
}

async function think(desk: Desk, course: Course): Promise<WorkEnding | undefined> {
  if (course.turns >= desk.limits.turns) {
    return failing(desk, course.said, `It was not done after ${course.turns} turns`)
  }
  if (course.tokens > course.compactAt && desk.entries().length > 1) {
    const failure = await shorten(desk, course, 'auto')
    if (failure !== undefined) return failure
  }
  course.turns += 1
  const turn = await takeTurn({ ...desk.turn, model: course.persona.model }, requestOf(desk, course.persona), desk.signal)
  if (turn.outcome === 'failed') return failing(desk, course.said, sentence(explain(turn.error)))
  if (turn.outcome === 'too-long') return shorten(desk, course, 'too-long')
  const { usage } = turn
  course.tokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.outputTokens
  return heard(desk, course, turn)
}

const requestOf = (desk: Desk, { request, toolbox }: Persona): ModelRequest => ({
  ...request,
  tools: toolbox.specs,
  entries: desk.entries(),
  mayCall: true,
})

type Said = { readonly content: readonly { readonly type: string }[]; readonly stop: string }

/** Keeps what the model said, or deals with an answer that is none. */
async function heard(desk: Desk, course: Course, { content, stop }: Said): Promise<WorkEnding | undefined> {
  const entry = { role: 'assistant' as const, content: content.map(block => ({ ...block })) }
  const words = wordsOf(entry)
  const calls = callsOf(entry)
  if (stop === 'refusal') return failing(desk, course.said, 'Claude declined to answer this')
  if (stop === 'model_context_window_exceeded') {
    desk.tell({ type: 'retracted' })
    return shorten(desk, course, 'too-long')
  }
  if (words === '' && calls.length === 0) {
    course.empty += 1
    if (course.empty > 1) return failing(desk, course.said, 'Claude gave an empty answer; ask again')
    await desk.add(user(text('<context>\nYou said nothing. Answer, or say what keeps you from it.\n</context>')))
    return undefined
  }
  course.empty = 0
  if (words !== '') course.said.push(words)
  await desk.add(entry)
  if (stop === 'max_tokens' && calls.length === 0) return done(desk, course, 'cut off at agent_max_tokens of settings.yaml')
  if (stop === 'pause_turn') await desk.add(user(text('<context>\nGo on.\n</context>')))
  return undefined
}

async function act(desk: Desk, course: Course, calls: readonly ToolCall[]): Promise<WorkEnding | undefined> {
  const { entry, fatal } = await course.call(calls)
  desk.signal.throwIfAborted()
  course.tokens += estimateTokens([entry])
  await desk.add(entry)
  return fatal === undefined ? undefined : failing(desk, course.said, sentence(fatal))
}

/** Times that hooks may hold a work back from its end. */
const mostHeldBack = 3

async function conclude(desk: Desk, course: Course): Promise<WorkEnding | undefined> {
  const { work, lifecycle, signal } = desk
  const words = course.said.at(-1) ?? ''
  const { block } =
    work.task === undefined
      ? await lifecycle.reach('Stop', { work: work.id, text: words }, signal)
      : await lifecycle.reach('SubagentStop', { work: work.id, task: work.task.id, text: words }, signal)
  if (block !== undefined && course.heldBack < mostHeldBack) {
    course.heldBack += 1
    await desk.add(user(text(`<context>\nYou are not done yet: ${block}\n</context>`)))
    return undefined
  }
  return done(desk, course, undefined)
}

/** The answer to a question is all that was said; the result of a task is what was said last. */
async function done(desk: Desk, { said }: Course, note: string | undefined): Promise<WorkEnding> {
  await desk.durable()
  const words = desk.work.task === undefined ? said.join('\n\n') : (said.at(-1) ?? '')
  return { outcome: 'done', text: note === undefined ? words : `${words}\n\n[${note}]` }
}

/** Ends it with a sentence, and notes so in the conversation: whoever tries again begins anew. */
async function failing(desk: Desk, said: readonly string[], reason: string): Promise<WorkEnding> {
  await desk.add(failureNote(desk.work.id, reason))
  const words = desk.work.task === undefined ? said : []
  return { outcome: 'failed', text: [...words, reason].join('\n\n') }
}

/** Replaces the beginning of the conversation by a summary, and takes over what of prompt, tools and model has changed. */
async function shorten(desk: Desk, course: Course, trigger: 'auto' | 'too-long'): Promise<WorkEnding | undefined> {
  const { lifecycle, signal, work } = desk
  const deps = { ...desk.turn, model: course.persona.model, lifecycle, signal }
  const compaction = await compact(deps, requestOf(desk, course.persona), work, trigger)
  if (compaction.outcome === 'failed') return failing(desk, course.said, sentence(explain(compaction.error)))
  if (compaction.outcome === 'blocked') return undefined
  const tokens = estimateTokens(compaction.entries)
  if (trigger === 'too-long' && tokens >= estimateTokens(desk.entries())) {
    const error = new ApplianceError('failed', 'this is too long for the model', {
      hint: 'send less text or fewer files at once',
    })
    return failing(desk, course.said, sentence(explain(error)))
  }
  await desk.renew(compaction.entries)
  course.tokens = tokens
  course.persona = await desk.persona()
  course.compactAt = Math.max(pointOf(desk, course.persona), tokens * 1.5)
  course.call = callsAt(desk, course.place, course.persona)
  await lifecycle.reach('SessionStart', { thread: work.thread, source: 'compact' }, signal)
  return undefined
}

const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}`
