import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Briefing } from '../runtime/bus/protocol.ts'
import type { Work, WorkEvent } from '../runtime/bus/work.ts'
import { createBreaker } from '../runtime/os/breaker.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { explain } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import type { ClaudeCredential } from './claude/claude.ts'
import { noCredential } from './claude/troubles.ts'
import { type Connection, connect } from './connection.ts'
import { actionDoor } from './door.ts'
import { createHeart } from './heart.ts'
import type { Inbox } from './inbox.ts'
import { createLifecycle } from './lifecycle.ts'
import { createLoop, type Loop, type LoopEvent } from './loop.ts'
import type { Model } from './model.ts'
import { createPersonas } from './persona.ts'
import { createSandboxRunner } from './sandboxed.ts'
import { foldersOfTools, userToolsOf } from './sdk/load.ts'
import { createVitals, processVitals } from './vitals.ts'
import type { Terminal } from './window/terminal.ts'
import { type AgentWindow, openWindow } from './window/window.ts'
import type { WorkDeps } from './work/desk.ts'
import { startWork } from './work/run-work.ts'
import { openWorkplace } from './workplace.ts'

export interface AgentDeps {
  readonly home: Home
  readonly name: string
  readonly terminal: Terminal
  readonly model: (credential: ClaudeCredential) => Model
  readonly clock: Clock
}

/** An agent that runs. */
export interface RunningAgent {
  /** Ends what its tools have started, and tells whoever wanted to know. */
  stop(): Promise<void>
}

const heartbeatInterval = 10_000

/** One agent: its window, its inbox, its work, its heartbeat. Goes on until the process ends. */
export async function runAgent({ home, name, terminal, model, clock }: AgentDeps): Promise<RunningAgent> {
  const startedAt = clock.now().toISOString()
  const connection = connect(join(home.agentSockets, `${name}.sock`))
  const window = openWindow(name, terminal, line => void say(line, connection, window, troubles))
  const troubles = createTroubles(message => window.show({ type: 'obstacle', message }))

  let briefing = await firstBriefing(connection, message => troubles.set('runtime', message))
  const { configuration } = briefing
  let activity: Extract<LoopEvent, { type: 'activity' }> = { type: 'activity', activity: 'idle', doing: '' }
  const line = createLine(name, troubles)
  const vitals = createVitals(processVitals)
  const standing = () => ({ ...activity, ...(briefing.mode === 'drain' ? { activity: 'draining' as const } : {}) })

  const beat = createHeart({
    async send() {
      const { promptHash, mode } = briefing
      const { activity, doing } = standing()
      const drained = mode === 'drain' && !loop.busy()
      const { version } = await connection.heartbeat({
        pid: process.pid,
        startedAt,
        activity,
        doing,
        drained,
        promptHash,
        configuration,
        ...vitals(),
      })
      return version
    },
    version: () => briefing.version,
    rebrief: async () => follow(await connection.briefing()),
    heard: yes =>
      troubles.set('runtime', yes ? '' : 'The runtime is away; nothing is lost, and this window goes on once it is back.'),
    sleep: Bun.sleep,
  })
  const sandbox = createSandboxRunner(
    home,
    name,
    () => briefing.policy,
    () => foldersOfTools(home, name, briefing.tools),
  )
  const userTools = userToolsOf(home, name, () => briefing.tools, sandbox)
  const lifecycle = createLifecycle()
  const sessions = new Set<string>()
  const workDeps = {
    ...{ agent: name, lifecycle, sessions, clock },
    persona: createPersonas(() => briefing, model, userTools),
    workplace: (work: Work, signal: AbortSignal) => openWorkplace(sandbox, work, signal),
    report: reporting(connection, beat),
    door: actionDoor(connection, clock),
    breaker: createBreaker({ name: 'Claude', clock }),
    random: Math.random,
    nonce: () => randomBytes(8).toString('hex'),
    show: ({ id: work }: Work, event: WorkEvent) => window.show({ type: 'work', work, event }),
  }
  const loop: Loop = createLoop({
    draining: () => briefing.mode === 'drain',
    inbox: line.inbox,
    start: connection.start,
    carryOut: work => startWork(workDeps, work),
    finish: connection.finish,
    emit(event) {
      if (event.type === 'activity') activity = event
      if (event.type === 'activity') window.show({ type: 'standing', activity: standing().activity })
      else window.show(event.type === 'started' ? { ...event, at: clock.now().toISOString() } : event)
      if (event.type === 'activity') beat()
    },
    clock,
  })
  const follow = (news: Briefing) => {
    briefing = news
    window.show({ type: 'briefed', level: news.level, description: news.description, model: news.model })
    window.show({ type: 'standing', activity: standing().activity })
    troubles.set('credential', credentialTrouble(news))
    void line.use(news.redis, { wake: () => [loop.wake(), beat()], connected: loop.reconnected })
    loop.wake()
  }

  troubles.set('runtime', '')
  window.show({ type: 'conversation', utterances: await connection.conversation().catch(() => []) })
  follow(briefing)
  beat()
  setInterval(() => [loop.wake(), beat()], heartbeatInterval)
  return {
    async stop() {
      const { signal } = new AbortController()
      await Promise.all([...sessions].map(thread => lifecycle.reach('SessionEnd', { thread, reason: 'exit' }, signal)))
      await sandbox.stop()
    },
  }
}

/** A report that fails means that the runtime is away, and the heart finds out at once. */
const reporting =
  (connection: Connection, beat: () => void): WorkDeps['report'] =>
  async (work, report) => {
    try {
      return await connection.report(work, report)
    } catch (error) {
      beat()
      throw error
    }
  }

/** The runtime may be starting still; it is asked until it answers. */
async function firstBriefing(connection: Connection, tell: (message: string) => void): Promise<Briefing> {
  for (;;) {
    try {
      return await connection.briefing()
    } catch (error) {
      tell(`Waiting for the runtime (${explain(error)}).`)
      await Bun.sleep(300)
    }
  }
}

async function say(text: string, connection: Connection, window: AgentWindow, troubles: Troubles): Promise<void> {
  try {
    const question = await connection.say(text)
    troubles.set('sending', '')
    window.show({ type: 'asked', question })
  } catch (error) {
    window.giveBack(text)
    troubles.set('sending', `Not sent: ${explain(error)}.`)
  }
}

/** What keeps the agent from working, the most pressing first; one is shown. */
interface Troubles {
  set(about: 'sending' | 'runtime' | 'bus' | 'credential', message: string): void
}

function createTroubles(show: (message: string) => void): Troubles {
  const messages = { sending: '', runtime: '', bus: '', credential: '' }
  return {
    set(about, message) {
      messages[about] = message
      show(messages.sending || messages.runtime || messages.bus || messages.credential)
    },
  }
}

/** The connection to the inbox, opened again when its address or password changed. */
function createLine(name: string, troubles: Troubles) {
  let inbox: Inbox | undefined
  let ready = false
  let used = ''
  const lost = () => {
    ready = false
    troubles.set('bus', 'The message bus is away; what you write is kept and answered once it is back.')
  }
  return {
    inbox: () => (ready ? inbox : undefined),
    /** The client of Redis comes in here: it takes longer to load than all the rest, and nobody has to wait for it. */
    async use(address: Briefing['redis'], events: { readonly wake: () => void; readonly connected: () => void }) {
      const wanted = JSON.stringify(address)
      if (used === wanted) return
      used = wanted
      inbox?.close()
      inbox = undefined
      ready = false
      const { openInbox } = await import('./inbox.ts')
      if (used !== wanted) return
      const connected = () => {
        ready = true
        troubles.set('bus', '')
        events.connected()
      }
      inbox = openInbox(name, address, { wake: events.wake, connected, lost })
    },
  }
}

function credentialTrouble({ claude }: Briefing): string {
  if (claude.missing !== undefined) return `I cannot answer yet: ${claude.missing}.`
  if (claude.apiKey !== undefined || claude.baseUrl !== undefined) return ''
  return `No Claude key is set: ${noCredential.hint}.`
}
