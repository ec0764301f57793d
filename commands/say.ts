import { z } from 'zod'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import type { Command } from './command.ts'
import { harmless } from './harmless.ts'

const identified = z.object({ id: z.string() })
const heard = z.discriminatedUnion('type', [
  z.object({ type: z.literal('subscribed') }),
  z.object({ type: z.literal('beat') }),
  z.object({ type: z.literal('error'), message: z.string() }),
  z.object({ type: z.literal('event'), event: z.unknown() }),
])
const piece = z.object({ type: z.literal('delta'), work: z.string(), text: z.string() })
const said = z.object({
  type: z.literal('utterance'),
  utterance: z.object({ answers: z.string().optional(), state: z.string(), text: z.string() }),
})

export const say: Command = {
  name: 'say',
  usage: 'TEXT [--agent A]',
  summary: 'say something to an agent (the supervisor), and read the answer as it comes',
  async run(args, { environment: { home }, out }) {
    const { positionals, values } = readArguments(
      args,
      { agent: { type: 'string' } },
      { least: 1, most: 1_000, missing: 'what to tell it' },
    )
    const thread = await threadWith(home, values.agent ?? 'supervisor')
    const lines = createLines(out)
    const state = await answer(home, thread, positionals.join(' '), lines)
    lines.end()
    return state === 'done' ? 0 : 1
  },
}

/** The newest conversation with the agent, or a first one. */
async function threadWith(home: Home, agent: string): Promise<string> {
  const path = `/api/chat/threads?agent=${encodeURIComponent(agent)}`
  const [newest] = await askAppliance(home, 'GET', path, z.array(identified))
  return (newest ?? (await askAppliance(home, 'POST', '/api/chat/threads', identified, { agent }))).id
}

/** Says it once somebody listens, and resolves with the state of the answer. */
async function answer(home: Home, thread: string, text: string, lines: Lines): Promise<string> {
  const ended = Promise.withResolvers<string>()
  const listening = Promise.withResolvers<void>()
  // Pieces may come before the answer to the message names its id.
  const early: unknown[] = []
  let question: string | undefined
  let written = ''
  const take = (event: unknown) => {
    const delta = piece.safeParse(event)
    if (delta.success && delta.data.work === question) {
      written += delta.data.text
      lines.write(delta.data.text)
    }
    const utterance = said.safeParse(event).data?.utterance
    if (utterance === undefined || utterance.answers !== question) return
    if (utterance.state !== 'done' && utterance.state !== 'failed') return
    lines.write(utterance.text.startsWith(written) ? utterance.text.slice(written.length) : `\n${utterance.text}`)
    ended.resolve(utterance.state)
  }
  const socket = new WebSocket(`ws+unix://${home.apiSocket}:/api/ws`)
  const lost = () => {
    const error = new ApplianceError('failed', 'the connection to the appliance was lost', {
      hint: 'what was said is kept; read the answer in the portal',
    })
    listening.reject(error)
    ended.reject(error)
  }
  ended.promise.catch(() => {})
  socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'subscribe', topics: ['chat'], thread })))
  socket.addEventListener('close', lost)
  socket.addEventListener('message', ({ data }) => {
    const message = heard.parse(JSON.parse(String(data)))
    if (message.type === 'subscribed') listening.resolve()
    if (message.type !== 'event') return
    if (question === undefined) early.push(message.event)
    else take(message.event)
  })
  try {
    await listening.promise
    const { id } = await askAppliance(home, 'POST', `/api/chat/threads/${thread}/messages`, identified, { text })
    question = id
    for (const event of early.splice(0)) take(event)
    return await ended.promise
  } finally {
    socket.removeEventListener('close', lost)
    socket.close()
  }
}

interface Lines {
  write(text: string): void
  end(): void
}

/** Whole lines as they become complete. */
function createLines(out: (line: string) => void): Lines {
  let rest = ''
  return {
    write(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) out(kept(line))
    },
    end() {
      if (rest !== '') out(kept(rest))
    },
  }
}

/** Indentation stays. */
const kept = (line: string) => `${/^ */.exec(line)?.[0] ?? ''}${harmless(line).trim()}`
