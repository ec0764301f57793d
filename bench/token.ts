import { startModelServer } from '../agents/testing/model-server.ts'
import { say } from '../agents/testing/steps.ts'
import { startBrowser } from '../web/portal/testing/browser.ts'
import { type Figure, median, percentile99 } from './report.ts'
import { runningAppliance } from './running.ts'
import { signIn } from './sign-in.ts'
import { now } from './token/clock.ts'
import { beginThread, listen } from './token/ear.ts'
import { openChat } from './token/page.ts'
import { cpuWhileSixStream } from './token/six.ts'
import { longText, pieces, piecesIn } from './token/text.ts'

/** Milliseconds from one piece of the model's answer to the next. */
const pace = 25

/** Milliseconds from the model's socket to the runtime's listeners, into the browser's stream, and into its page. */
interface Times {
  readonly runtime: readonly number[]
  readonly stream: readonly number[]
  readonly page: readonly number[]
}

/**
 * How long a piece of an answer takes from the socket of the model to the page of a browser: a real appliance, a scripted
 * model at a steady pace, a real Chromium with the chat open, one clock. In a conversation that begins, in one of fifty
 * turns, and at the end of an answer of 20 KB.
 */
export async function benchToken(): Promise<Figure> {
  const model = startModelServer()
  const env = { ANTHROPIC_API_KEY: 'sk-ant-test', ANTHROPIC_BASE_URL: model.url }
  await using appliance = await runningAppliance({ env })
  const browser = await startBrowser()
  const ear = await listen(appliance)
  try {
    const { cookie } = await signIn(appliance)
    const measure = async (turns: number, before: readonly string[]): Promise<Times> => {
      const thread = await beginThread(appliance, 'supervisor')
      model.reply(() => say('A short answer.\n\nWith a second paragraph, and `code` in it.'))
      for (let turn = 0; turn < turns; turn++) await ear.converse(thread, `question ${turn}`)
      const chat = await openChat(browser, appliance, thread, cookie)
      const sent = new Map<number, number>()
      const note = (piece: string) => {
        const at = now()
        for (const number of piecesIn(piece)) sent.set(number, at)
      }
      model.reply(() => ({ ...say(...before, ...pieces), pace, sent: note }))
      ear.pieces()
      await ear.converse(thread, 'go on')
      const { stream, page } = await chat.until(pieces.length - 1)
      await chat.close()
      return { runtime: later(sent, ear.pieces()), stream: later(sent, stream), page: later(sent, page) }
    }
    const fresh = await measure(0, [])
    const old = await measure(50, [])
    const long = await measure(0, [longText(20_000)])
    const all = [fresh, old, long]
    return {
      name: 'time added by us between the model’s token and the browser, p50',
      unit: 'ms',
      value: median(all.flatMap(({ page }) => page)),
      bound: 10,
      better: 'lower',
      detail: {
        p99: percentile99(all.flatMap(({ page }) => page)),
        ...{ 'new conversation p50': median(fresh.page), 'new conversation p99': percentile99(fresh.page) },
        ...{ 'after 50 turns p50': median(old.page), 'after 50 turns p99': percentile99(old.page) },
        ...{ 'behind 20 KB p50': median(long.page), 'behind 20 KB p99': percentile99(long.page) },
        'to the runtime’s listeners p50': median(all.flatMap(({ runtime }) => runtime)),
        'to the browser’s stream p50': median(all.flatMap(({ stream }) => stream)),
        'runtime’s CPU while six answers stream, % of a core': await cpuWhileSixStream(appliance, model, ear, cookie, pace),
      },
    }
  } finally {
    ear.stop()
    await browser.close()
    await model.stop()
  }
}

/** Milliseconds that each piece took. One that never came was never shown, and is an error. */
const later = (sent: ReadonlyMap<number, number>, came: ReadonlyMap<number, number>): readonly number[] =>
  pieces.map((piece, number) => {
    const [from, to] = [sent.get(number), came.get(number)]
    if (from === undefined || to === undefined) throw new Error(`${JSON.stringify(piece)} did not come`)
    return to - from
  })
