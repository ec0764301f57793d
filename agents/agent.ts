import { join } from 'node:path'
import type { Briefing, Heartbeat } from '../runtime/bus/protocol.ts'
import { explain } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import { type ClaudeCredential, noCredential } from './claude.ts'
import { connect } from './connection.ts'
import { type Inbox, openInbox } from './inbox.ts'
import { createLoop, type LoopEvent } from './loop.ts'
import type { Model } from './model.ts'
import { firstState, next, type WindowEvent } from './window/state.ts'
import type { Terminal } from './window/terminal.ts'
import { mostScroll, render } from './window/view.ts'

export interface AgentDeps {
  readonly home: Home
  readonly name: string
  readonly terminal: Terminal
  readonly model: (credential: ClaudeCredential) => Model
  readonly now: () => Date
}

const heartbeatInterval = 10_000
const frame = 40

/** One agent: its window, its inbox, its answers, its heartbeat. Runs until the process ends. */
export async function runAgent({ home, name, terminal, model, now }: AgentDeps): Promise<never> {
  const connection = connect(join(home.agentSockets, `${name}.sock`))
  const startedAt = now().toISOString()
  let state = firstState(name)
  let drawing: Timer | undefined
  const show = (event: WindowEvent) => {
    state = next(state, event)
    drawing ??= setTimeout(draw, frame)
  }
  const draw = () => {
    drawing = undefined
    const { columns, rows } = terminal.size()
    state = { ...state, scroll: Math.min(state.scroll, mostScroll(state, columns, rows)) }
    terminal.draw(render(state, columns, rows))
  }
  terminal.onResize(() => {
    terminal.invalidate()
    draw()
  })
  draw()

  let briefing = await firstBriefing(
    () => connection.briefing(),
    message => show({ type: 'obstacle', message }),
  )
  const { configuration } = briefing
  let activity: Extract<LoopEvent, { type: 'activity' }> = { type: 'activity', activity: 'idle', doing: '', drained: false }
  let redisTrouble = ''
  let runtimeTrouble = ''
  const showObstacle = () => show({ type: 'obstacle', message: runtimeTrouble || redisTrouble || credentialTrouble(briefing) })

  let inbox: Inbox | undefined
  let ready = false
  const openConnection = () => {
    inbox?.close()
    ready = false
    inbox = openInbox(name, briefing.redis, {
      wake: () => {
        loop.wake()
        void beat()
      },
      connected: () => {
        ready = true
        redisTrouble = ''
        showObstacle()
        loop.reconnected()
      },
      lost: () => {
        ready = false
        redisTrouble = 'The message bus is away; what you write is kept and answered once it is back.'
        showObstacle()
      },
    })
  }
  const loop = createLoop({
    briefing: () => briefing,
    model: ({ claude }) => model(claude),
    inbox: () => (ready ? inbox : undefined),
    report: connection.answer,
    emit: event => {
      show(event)
      if (event.type !== 'activity') return
      activity = event
      void beat()
    },
    sleep: Bun.sleep,
  })

  const brief = (news: Briefing) => {
    const otherRedis = JSON.stringify(news.redis) !== JSON.stringify(briefing.redis)
    briefing = news
    show({ type: 'briefed', level: news.level, description: news.description, model: news.model })
    showObstacle()
    if (otherRedis || inbox === undefined) openConnection()
    loop.wake()
  }

  const heartbeat = (): Heartbeat => ({
    pid: process.pid,
    startedAt,
    activity: activity.activity,
    doing: activity.doing,
    drained: activity.drained,
    promptHash: briefing.promptHash,
    configuration,
  })
  let beating = false
  let beatAgain = false
  /** Tells how things stand, as often as that changes; learns whether the briefing changed. */
  async function beat(): Promise<void> {
    beatAgain = true
    if (beating) return
    beating = true
    while (beatAgain) {
      beatAgain = false
      try {
        const { version } = await connection.heartbeat(heartbeat())
        if (runtimeTrouble !== '') {
          runtimeTrouble = ''
          showObstacle()
        }
        if (version !== briefing.version) {
          brief(await connection.briefing())
          beatAgain = true
        }
      } catch {
        runtimeTrouble = 'The runtime is away; nothing is lost, and this window goes on once it is back.'
        showObstacle()
        setTimeout(() => void beat(), 500)
      }
    }
    beating = false
  }

  const say = async (text: string) => {
    try {
      show({ type: 'asked', question: await connection.say(text) })
    } catch (error) {
      show({ type: 'key', key: { type: 'paste', text }, page: 0 })
      runtimeTrouble = `Not sent: ${explain(error)}`
      showObstacle()
    }
  }
  terminal.onKey(key => {
    const sending = key.type === 'command' && key.command === 'send' ? state.line.characters.join('').trim() : ''
    if (key.type === 'command' && key.command === 'redraw') terminal.invalidate()
    show({ type: 'key', key, page: Math.max(terminal.size().rows - 8, 1) })
    if (sending !== '') void say(sending)
  })

  await connection.conversation().then(
    utterances => show({ type: 'conversation', utterances }),
    () => {},
  )
  brief(briefing)
  void beat()
  setInterval(() => {
    loop.wake()
    void beat()
  }, heartbeatInterval)
  return new Promise<never>(() => {})
}

/** The runtime may be starting still; it is asked until it answers. */
async function firstBriefing(ask: () => Promise<Briefing>, tell: (message: string) => void): Promise<Briefing> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      tell(`Waiting for the runtime (${explain(error)}).`)
      await Bun.sleep(300)
    }
  }
}

function credentialTrouble({ claude }: Briefing): string {
  if (claude.apiKey !== undefined || claude.baseUrl !== undefined) return ''
  return `No Claude key is set: ${noCredential.hint}.`
}
