import { readFields } from '../../runtime/bus/parse.ts'
import type { Appliance } from '../../tests/support/appliance.ts'
import { now } from './clock.ts'
import { piecesIn } from './text.ts'

/** Hears over the API's WebSocket what is said on an appliance. */
export interface Ear {
  /** Says something, and resolves once it is answered. */
  converse(thread: string, text: string): Promise<void>
  /** When each numbered piece came to the runtime's listeners; forgets those before. */
  pieces(): ReadonlyMap<number, number>
  stop(): void
}

export async function listen(appliance: Appliance): Promise<Ear> {
  const socket = new WebSocket(`ws+unix://${appliance.home.apiSocket}:/api/ws`)
  const opened = Promise.withResolvers<void>()
  const waiting = new Map<string, (state: string) => void>()
  const ended = new Map<string, string>()
  let heard = new Map<number, number>()
  socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', topics: ['chat'] }))
  socket.onerror = () => opened.reject(new Error('the API’s WebSocket cannot be opened'))
  socket.onmessage = ({ data }) => {
    const at = now()
    const message = readFields(JSON.parse(String(data)), 'message')
    if (message.text('type') === 'subscribed') opened.resolve()
    if (message.text('type') !== 'event') return
    const event = message.object('event')
    if (event.text('type') === 'delta') for (const piece of piecesIn(event.text('text'))) heard.set(piece, at)
    if (event.text('type') !== 'utterance') return
    const utterance = event.object('utterance')
    const [answers, state] = [utterance.optionalText('answers'), utterance.text('state')]
    if (answers === undefined || (state !== 'done' && state !== 'failed')) return
    ended.set(answers, state)
    waiting.get(answers)?.(state)
  }
  await opened.promise
  return {
    async converse(thread, text) {
      const { id } = await post(appliance, `/api/chat/threads/${thread}/messages`, { text })
      const state = ended.get(id) ?? (await new Promise<string>(resolve => waiting.set(id, resolve)))
      if (state !== 'done') throw new Error(`the answer to ${JSON.stringify(text)} ${state}`)
    },
    pieces() {
      const before = heard
      heard = new Map()
      return before
    },
    stop: () => socket.close(),
  }
}

export async function beginThread(appliance: Appliance, agent: string): Promise<string> {
  return (await post(appliance, '/api/chat/threads', { agent, title: 'measured' })).id
}

async function post(appliance: Appliance, path: string, content: object): Promise<{ readonly id: string }> {
  const response = await fetch(`http://appliance${path}`, {
    ...{ unix: appliance.home.apiSocket, method: 'POST', body: JSON.stringify(content) },
    headers: { 'content-type': 'application/json' },
  })
  if (response.status === 429) {
    await Bun.sleep(1_000)
    return post(appliance, path, content)
  }
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return { id: readFields(await response.json(), path).text('id') }
}
