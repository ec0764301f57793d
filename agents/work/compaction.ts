import type { Block, Entry, Work } from '../../runtime/bus/work.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { ModelRequest } from '../model.ts'
import { openingPlace, text, user, wordsOf } from './entries.ts'
import { type TurnDeps, takeTurn } from './turn.ts'

export interface CompactionDeps extends TurnDeps {
  readonly lifecycle: Lifecycle
  readonly signal: AbortSignal
}

export type Compaction =
  | { readonly outcome: 'compacted'; readonly entries: readonly Entry[] }
  /** A hook wants it as it is. */
  | { readonly outcome: 'blocked' }
  | { readonly outcome: 'failed'; readonly error: ApplianceError }

/** How the model is asked for a summary; a scripted model knows it by its beginning. */
export const summaryRequest = `<context>
The conversation becomes too long, and your next words replace its beginning. Write a summary that lets you go on without
anything else: what was asked for and by whom, word for word where it matters; what was decided and why; what was done, with
names, paths, identifiers and numbers; what failed; what is open, and the next step. What came from strangers stays marked as
theirs. Write only the summary.
</context>`

/** The last results that are kept word for word, in characters. */
const largestTail = 60_000
const mostHalvings = 4

/** Tokens that every model takes together with its answer, and how far an estimate of them may be wrong. */
const contextWindow = 200_000
const estimateMargin = 20_000

/** Tokens above which a conversation is shortened: what was wished for, as long as the longest answer fits behind it. */
export const compactionPoint = (wished: number, maxTokens: number): number =>
  Math.min(wished, contextWindow - maxTokens - estimateMargin)

/** Asks the model for a summary of the conversation, and gives the entries that it begins anew with. */
export async function compact(
  deps: CompactionDeps,
  request: ModelRequest,
  work: Work,
  trigger: 'auto' | 'too-long',
): Promise<Compaction> {
  const { lifecycle, signal } = deps
  const wish = await lifecycle.reach('PreCompact', { work: work.id, trigger, entries: request.entries.length }, signal)
  if (wish.block !== undefined && trigger === 'auto') return { outcome: 'blocked' }
  const ask = user(text(wish.context === undefined ? summaryRequest : `${summaryRequest}\n\n${wish.context}`))
  const quiet: TurnDeps = { ...deps, tell: event => event.type === 'usage' && deps.tell(event) }
  let told = request.entries
  for (let halvings = 0; ; halvings++) {
    const turn = await takeTurn(quiet, { ...request, entries: [...told, ask], mayCall: false }, signal)
    if (turn.outcome === 'failed') return turn
    if (turn.outcome === 'said') {
      const summary = wordsOf({ role: 'assistant', content: turn.content })
      return summary === ''
        ? { outcome: 'failed', error: noSummary }
        : { outcome: 'compacted', entries: renewed(request.entries, work, summary) }
    }
    const rest = laterHalf(told)
    if (rest === undefined || halvings >= mostHalvings) return { outcome: 'failed', error: tooLong }
    told = rest
  }
}

const noSummary = new ApplianceError('failed', 'the conversation is too long, and the model gave no summary of it', {
  hint: 'ask again',
})
const tooLong = new ApplianceError('failed', 'the conversation is too long for the model, even in parts', {
  hint: 'start a new conversation, with less text or fewer files at once',
})

/** From the first place in the later half where a conversation may begin; undefined where there is none. */
function laterHalf(entries: readonly Entry[]): readonly Entry[] | undefined {
  const place = entries.findIndex(
    ({ role, content }, index) => index >= entries.length / 2 && role === 'user' && !content.some(isResult),
  )
  return place <= 0 ? undefined : entries.slice(place)
}

const isResult = (block: Block) => block.type === 'tool_result'

/** The summary, what is being worked on word for word, and the last results. */
export function renewed(entries: readonly Entry[], work: Work, summary: string): readonly Entry[] {
  const opening = openingPlace(entries, work.id)
  const asked = entries[opening]?.content.filter(block => !isResult(block)) ?? []
  const head = text(
    `<context work="${work.id}" kind="${work.kind}">\nThis is what was said and done so far, in short:\n\n${summary}\n</context>`,
  )
  if (opening === entries.length - 1) return [user(head, ...asked)]
  const words = asked.filter(block => !(typeof block.text === 'string' && block.text.startsWith('<context')))
  const current = words.length === 0 ? [] : [text('You are at work on this, and go on with it:'), ...words]
  return [user(head, ...current), ...tailOf(entries)]
}

/** The last calls with their results, when they fit. */
function tailOf(entries: readonly Entry[]): readonly Entry[] {
  const tail = entries.slice(-2)
  const [calls, results] = tail
  if (calls?.role !== 'assistant' || results?.content.some(isResult) !== true) return []
  return JSON.stringify(tail).length > largestTail ? [] : tail
}

/** Tokens that the entries take, roughly; what was counted last is better where there is one. */
export const estimateTokens = (entries: readonly Entry[]): number =>
  Math.ceil(entries.reduce((sum, { content }) => sum + content.reduce((inner, block) => inner + blockTokens(block), 0), 0))

function blockTokens(block: Block): number {
  if (block.type === 'image') return 1_600
  const length = JSON.stringify(block).length
  return block.type === 'document' && length > 20_000 ? length / 30 : length / 3.5
}
