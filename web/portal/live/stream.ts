import type { Clock } from '../../../runtime/os/clock.ts'
import type { Log } from '../../../runtime/os/log.ts'
import type { Call } from '../../door/route.ts'
import type { Sessions } from '../sign-in/sessions.ts'
import { urls } from '../urls.ts'
import { fingerprint, type Region, updateBetween, wholeUpdate } from './regions.ts'

export interface LiveSource {
  /** What the page shows now. */
  regions(): Promise<readonly Region[]> | readonly Region[]
  /** Calls `changed` when it is worth rendering again. Returns how to stop. */
  subscribe(changed: () => void): () => void
}

export interface LiveStreamOptions {
  readonly sessions: Sessions
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds between two signs of life; each also looks whether the session still holds. */
  readonly heartbeat?: number
  /** Milliseconds between two updates, at least: the first change goes out at once, those that follow it are gathered. */
  readonly gather?: number
  /** Milliseconds that a client may leave what was sent unread. */
  readonly patience?: number
}

/** Bytes that may wait for one slow client; while they do, nothing more is rendered for it. */
const mostWaiting = 64 * 1024

/** Milliseconds to rest after an update, so that neither server nor browser is busy with one stream for most of the time. */
const restAfter = (milliseconds: number, characters: number) => milliseconds + characters / 500

const signedOut = `<hx-partial hx-target="#live-note" hx-swap="innerHTML"><p>You are signed out. <a href="${urls.signIn.to()}">Sign in again</a></p></hx-partial>`

/**
 * Server-sent events that keep the regions of one page current. Each event holds the difference to what was sent before,
 * so a slow client gets fewer, not older ones, and never more than one is waiting.
 */
export function liveStream(call: Call, source: LiveSource, options: LiveStreamOptions): Response {
  const { sessions, clock, log, heartbeat = 8_000, gather = 100, patience = 30_000 } = options
  const token = call.identity.kind === 'person' ? call.identity.sessionToken : ''
  const stop = new AbortController()
  const encoder = new TextEncoder()
  const shown = new Map<string, Region>()
  let dirty = true
  let suspicious = false
  let wake = () => {}
  let room = () => {}

  const changed = () => {
    dirty = true
    wake()
  }
  const asleep = (milliseconds: number) => {
    const early = new AbortController()
    wake = () => early.abort()
    return clock.sleep(milliseconds, AbortSignal.any([stop.signal, early.signal]))
  }

  async function run(controller: ReadableStreamDefaultController<Uint8Array>) {
    const send = (text: string) => controller.enqueue(encoder.encode(text))
    let first = true
    let beatAt = clock.now().getTime()
    // Something right away, so that the browser knows that the stream is open.
    send('retry: 1000\n\n')
    while (!stop.signal.aborted) {
      if ((controller.desiredSize ?? 0) <= 0 && !(await drained())) return
      if (dirty) {
        dirty = false
        const startedAt = clock.now().getTime()
        const update = await nextUpdate(first)
        first = false
        if (update !== '') send(event(update))
        const rest = restAfter(clock.now().getTime() - startedAt, update.length)
        await clock.sleep(Math.max(gather, rest), stop.signal)
        if (dirty) continue
      }
      const rest = beatAt + heartbeat - clock.now().getTime()
      if (rest > 0 && !suspicious) {
        await asleep(rest)
        continue
      }
      suspicious = false
      if (!(await sessions.alive(token))) {
        send(event(signedOut))
        send('event: end\ndata: signed out\n\n')
        return
      }
      beatAt = clock.now().getTime()
      send(': beat\n\n')
      // "4 min" becomes "5 min".
      dirty = true
    }
  }

  async function drained(): Promise<boolean> {
    const gone = new AbortController()
    room = () => gone.abort()
    await clock.sleep(patience, AbortSignal.any([stop.signal, gone.signal]))
    return gone.signal.aborted
  }

  async function nextUpdate(first: boolean): Promise<string> {
    const regions = await source.regions()
    const current = first && fingerprint(regions) === call.url.searchParams.get('at')
    const update = current ? '' : first ? wholeUpdate(regions) : updateBetween(shown, regions)
    for (const part of regions) shown.set(part.id, part)
    for (const id of shown.keys()) if (!regions.some(part => part.id === id)) shown.delete(id)
    return update
  }

  const unsubscribe = [
    source.subscribe(changed),
    sessions.onEnded(() => {
      suspicious = true
      wake()
    }),
  ]
  const close = () => {
    stop.abort()
    for (const each of unsubscribe.splice(0)) each()
  }
  call.request.signal.addEventListener('abort', close, { once: true })
  call.keepOpen()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        run(controller)
          .catch(error => log.warn('a live stream ended', { component: 'portal', error: String(error) }))
          .finally(() => {
            close()
            try {
              controller.close()
            } catch {
              // The client has hung up before.
            }
          })
      },
      pull: () => room(),
      cancel: close,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: mostWaiting }),
  )
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}

const event = (html: string): string => `${html.replace(/^/gm, 'data: ')}\n\n`
