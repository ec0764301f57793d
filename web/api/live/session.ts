import type { Clock } from '../../../runtime/os/clock.ts'
import { mistakesIn } from '../../door/answer.ts'
import type { Socket, SocketHandlers } from '../../door/socket.ts'
import { clientMessage, type ServerMessage, type Topic } from './protocol.ts'
import { follow, type LiveSources } from './sources.ts'

export interface LiveSessionDeps {
  readonly sources: LiveSources
  /** Whether whoever opened it may still come in. */
  readonly alive: () => Promise<boolean>
  /** Calls back when somebody was signed out, perhaps this one. */
  readonly onEnded: (listener: () => void) => () => void
  readonly clock: Pick<Clock, 'now'>
  /** Milliseconds between two signs of life. */
  readonly beat?: number
}

/** Closing codes of our own (RFC 6455 leaves 4000 to 4999 to applications). */
export const signedOut = 4401
export const talksTooMuch = 4429
/** Bytes that a reader may leave unread; then it is told to come back and read anew. */
const mostUnread = 1024 * 1024
export const tooSlow = 4408
/** Messages that one may send between two beats. */
const mostMessages = 60

/** One WebSocket of the API: who listens says what to, and hears of it until it is gone. */
export function liveSession(deps: LiveSessionDeps): SocketHandlers {
  const { clock, beat = 10_000 } = deps
  const following = new Map<Topic, () => void>()
  const stops: (() => void)[] = []
  let socket: Socket | undefined
  let thread: string | undefined
  let messages = 0

  const send = (message: ServerMessage) => socket?.send(JSON.stringify(message))
  const end = (code: number, reason: string) => {
    socket?.close(code, reason)
    quit()
  }
  const quit = () => {
    socket = undefined
    for (const stop of [...stops.splice(0), ...following.values()]) stop()
    following.clear()
  }
  /** A database that does not answer just now signs nobody out. */
  const look = async () => {
    if (!(await deps.alive().catch(() => true))) end(signedOut, 'signed out')
  }

  const subscribe = (topic: Topic) => {
    if (following.has(topic)) return
    const stop = follow(deps.sources, topic, happened => {
      if (socket === undefined) return
      if (thread !== undefined && happened.thread !== undefined && happened.thread !== thread) return
      if (socket.waiting() > mostUnread) return end(tooSlow, 'too slow: come back, and read what you missed')
      send({ type: 'event', topic, at: clock.now().toISOString(), event: happened.event })
    })
    following.set(topic, stop)
  }

  return {
    open(opened) {
      socket = opened
      const timer = setInterval(() => {
        messages = 0
        send({ type: 'beat', at: clock.now().toISOString() })
        void look()
      }, beat)
      stops.push(
        () => clearInterval(timer),
        deps.onEnded(() => void look()),
      )
    },
    message(text) {
      messages += 1
      if (messages > mostMessages) return end(talksTooMuch, 'too many messages')
      const asked = clientMessage.safeParse(jsonOf(text))
      if (!asked.success) return void send({ type: 'error', message: mistakesIn(asked.error) })
      if (asked.data.type === 'subscribe') {
        thread = asked.data.thread
        for (const topic of asked.data.topics) subscribe(topic)
      } else {
        for (const topic of asked.data.topics) {
          following.get(topic)?.()
          following.delete(topic)
        }
      }
      send({ type: 'subscribed', topics: [...following.keys()], ...(thread === undefined ? {} : { thread }) })
    },
    closed: quit,
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
