import type { Browser } from 'playwright-core'
import { z } from 'zod'
import type { Appliance } from '../../tests/support/appliance.ts'
import { urls } from '../../web/portal/urls.ts'

export interface WatchedChat {
  /** Resolves once that piece stands in the page; then, when each piece was in its stream, and when in its document. */
  until(piece: number): Promise<{ readonly stream: ReadonlyMap<number, number>; readonly page: ReadonlyMap<number, number> }>
  close(): Promise<void>
}

/** Runs in the page, on the machine's clock: notes each piece in a message of the stream, and when it stands in the document. */
const watcher = `(() => {
  let tick = Date.now()
  while (Date.now() === tick);
  const offset = Date.now() - (performance.timeOrigin + performance.now())
  const now = () => performance.timeOrigin + performance.now() + offset
  const noted = { stream: [], page: [] }
  const note = (list, text, at) => {
    for (const match of text.matchAll(/\\bw(\\d+)\\b/g)) list[Number(match[1])] ??= at
  }
  document.addEventListener('htmx:sse:before:message', event => note(noted.stream, event.detail.message.data, now()))
  new MutationObserver(() => {
    const at = now()
    const body = document.querySelector('#turns > li:last-child .body')
    if (body !== null) note(noted.page, body.textContent.slice(-2000), at)
  }).observe(document.querySelector('#turns'), { subtree: true, childList: true, characterData: true })
  globalThis.noted = noted
})()`

const times = z.array(z.number().nullable())
const shape = z.object({ stream: times, page: times })

export async function openChat(browser: Browser, appliance: Appliance, thread: string, cookie: string): Promise<WatchedChat> {
  const origin = `http://127.0.0.1:${appliance.ports.portal}`
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  await context.addCookies(
    cookie.split('; ').map(pair => {
      const at = pair.indexOf('=')
      return { name: pair.slice(0, at), value: pair.slice(at + 1), url: origin }
    }),
  )
  const page = await context.newPage()
  await page.goto(`${origin}${urls.chatThread.to(thread)}`, { waitUntil: 'domcontentloaded' })
  await page.waitForSelector('html[data-live="on"]', { state: 'attached' })
  await page.evaluate(watcher)
  return {
    async until(piece) {
      await page.waitForFunction(`globalThis.noted.page[${piece}] !== undefined`, undefined, { timeout: 60_000, polling: 100 })
      const noted = shape.parse(await page.evaluate('globalThis.noted'))
      return { stream: mapOf(noted.stream), page: mapOf(noted.page) }
    },
    close: () => context.close(),
  }
}

const mapOf = (list: readonly (number | null)[]): ReadonlyMap<number, number> =>
  new Map(list.flatMap((at, piece): readonly [number, number][] => (at === null ? [] : [[piece, at]])))
