import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Utterance } from './agents.ts'
import { type Answering, currentAnswer, keepText } from './conversations.ts'
import { addOutput } from './work-steps.ts'

/** An answer under way, as it stands at this moment; Postgres follows within {@link keepInterval}. */
export interface LiveAnswer {
  readonly agent: string
  readonly work: string
  readonly attempt: number
  readonly task: string | undefined
  readonly question: Utterance
  readonly answer: Utterance
  /** Whole entries up to `kept`, and after it what has come of the next one. */
  text: string
  kept: number
  /** The number of the first event that was not taken yet; undefined until the first report to this runtime. */
  next: number | undefined
  /** Why nothing of it counts any more. */
  settled: string | undefined
  /** When the task's lease was prolonged last. */
  prolongedAt: number
  /** One report after the other. */
  turn: Promise<unknown>
}

/** Milliseconds that Postgres may be behind with the text of an answer and the output of a tool. */
export const keepInterval = 100

export interface LiveAnswers {
  begin(answering: Answering, task: string | undefined): LiveAnswer
  /** The answer that this attempt works on; read from Postgres after the runtime has begun anew. */
  find(agent: string, work: string, attempt: number, taskOf: () => Promise<string | undefined>): Promise<LiveAnswer | undefined>
  /** A piece came: it goes to everybody who listens, at once. */
  append(live: LiveAnswer, piece: string): void
  /** The text is this one from now on, whole up to `kept`. */
  replace(live: LiveAnswer, text: string, kept: number): void
  output(live: LiveAnswer, call: string, piece: string): void
  /** Nothing of it counts any more; whoever reports hears why. */
  settle(work: string, reason: string): void
  end(work: string): void
  /** The agent's process is gone. */
  forget(agent: string): void
  /** Utterances as they stand at this moment. */
  withText(utterances: readonly Utterance[]): readonly Utterance[]
  /** Writes down all that has come. */
  keepAll(): Promise<void>
}

export function createLiveAnswers(store: Store, log: Log, emit: (event: AgentEvent) => void): LiveAnswers {
  const lives = new Map<string, LiveAnswer>()
  const unkept = new Map<string, { live: LiveAnswer; text: boolean; output: Map<string, string> }>()
  let timer: Timer | undefined
  let keeping: Promise<void> = Promise.resolve()

  const dirty = (live: LiveAnswer) => {
    timer ??= setTimeout(keep, keepInterval)
    const known = unkept.get(live.work)
    if (known?.live === live) return known
    const made = { live, text: false, output: new Map<string, string>() }
    unkept.set(live.work, made)
    return made
  }
  const keep = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const waiting = [...unkept.values()]
    unkept.clear()
    keeping = keeping.then(async () => {
      for (const { live, text, output } of waiting) {
        await keepOne(live, text, output).catch(error => log.warn('answer not kept', { key: live.agent, error: explain(error) }))
      }
    })
    return keeping
  }
  const keepOne = async (live: LiveAnswer, text: boolean, output: ReadonlyMap<string, string>) => {
    if (text && lives.get(live.work) === live) await keepText(store, live.answer.id, live.attempt, live.text, live.kept)
    for (const [call, piece] of output) await addOutput(store, live.work, call, piece)
  }
  const begin = ({ question, answer, attempt, kept }: Answering, task: string | undefined): LiveAnswer => {
    const live: LiveAnswer = {
      ...{ agent: question.agent, work: question.id, attempt, task, question, answer },
      ...{ text: answer.text, kept, next: undefined, settled: undefined, prolongedAt: 0, turn: Promise.resolve() },
    }
    lives.set(live.work, live)
    return live
  }

  return {
    begin,
    async find(agent, work, attempt, taskOf) {
      const known = lives.get(work)
      if (known !== undefined) return known.agent === agent && known.attempt === attempt ? known : undefined
      const found = await currentAnswer(store, agent, work, attempt)
      const task = found && (await taskOf())
      return lives.get(work) ?? (found && begin(found, task))
    },
    append(live, piece) {
      const text = live.text.length === live.kept && live.kept > 0 ? `\n\n${piece}` : piece
      live.text += text
      dirty(live).text = true
      emit({ type: 'delta', agent: live.agent, utteranceId: live.answer.id, text })
    },
    replace(live, text, kept) {
      const same = text === live.text
      live.text = text
      live.kept = kept
      dirty(live).text = true
      if (!same) emit({ type: 'utterance', utterance: { ...live.answer, state: 'answering', text } })
    },
    output(live, call, piece) {
      const { output } = dirty(live)
      output.set(call, (output.get(call) ?? '') + piece)
    },
    settle(work, reason) {
      const live = lives.get(work)
      if (live !== undefined) live.settled = reason
    },
    end(work) {
      lives.delete(work)
    },
    forget(agent) {
      for (const live of [...lives.values()]) if (live.agent === agent) lives.delete(live.work)
    },
    withText(utterances) {
      return utterances.map(utterance => {
        const live = utterance.answers === undefined ? undefined : lives.get(utterance.answers)
        const current = live !== undefined && live.settled === undefined && utterance.state === 'answering'
        return current ? { ...utterance, text: live.text } : utterance
      })
    },
    keepAll: keep,
  }
}
