import { type Fields, readFields } from '../../runtime/bus/parse.ts'
import { type Documents, startAppliance } from './appliance.ts'
import { type ModelCall, type ModelServer, type Script, startModelServer } from './model-server.ts'

export interface HarnessOptions {
  /** What the model says and does, for each agent turn by turn. */
  readonly script: Readonly<Record<string, Script>>
  /** The agents, instead of the six of the starter repository. */
  readonly agents?: Readonly<Record<string, { readonly level: 0 | 1 | 2 | 3; readonly prompt?: string }>>
  /** Further documents of the desired state: `{'permissions.yaml': '…'}`. */
  readonly documents?: Readonly<Record<string, string>>
}

export interface SaidMessage {
  readonly id: string
  readonly thread: string
  readonly role: string
  readonly by: string
  readonly text: string
  readonly state: string
}

export interface TeamTask {
  readonly id: string
  readonly name: string
  readonly agent: string
  readonly state: string
  readonly reason: string
  readonly result: string
  readonly error: string
}

export interface WaitingApproval {
  readonly id: string
  readonly agent: string
  readonly title: string
}

/** Real agents on a scripted model; everything else is what runs on a server. */
export interface Team extends AsyncDisposable {
  readonly model: ModelServer
  /** Folder of the appliance: `workspaces/`, `www/`, `desired-state.git`. */
  readonly home: string
  /** Says something to an agent (default: the supervisor), as the operator. */
  say(text: string, agent?: string): Promise<SaidMessage>
  /** Until nobody works and nothing is left to do; the error after `seconds` (default 60) says what still is. */
  untilDone(seconds?: number): Promise<void>
  /** Until a step waits for a person. */
  untilAsked(seconds?: number): Promise<WaitingApproval>
  approve(approval: string): Promise<void>
  deny(approval: string, reason?: string): Promise<void>
  /** Whether the model was asked in the name of this agent. */
  invoked(agent: string): boolean
  /** Names of the tools that the agent's model called, in order. */
  toolsCalled(agent: string): readonly string[]
  /** What those calls gave to the model, in order. */
  toolResults(agent: string): readonly { readonly tool: string; readonly content: string; readonly failed: boolean }[]
  /** Newest first. */
  tasks(): Promise<readonly TeamTask[]>
  /** The conversation with an agent (default: the supervisor), oldest first. */
  messages(agent?: string): Promise<readonly SaidMessage[]>
  /** Asks the API of the appliance, for what has no word of its own here. */
  ask(path: string, content?: object): Promise<unknown>
}

/** Milliseconds; the API counts requests. */
const pollEvery = 200
const open = new Set(['pending', 'ready', 'assigned', 'in_progress', 'blocked'])

export async function harness({ script, agents, documents = {} }: HarnessOptions): Promise<Team> {
  if (documents['agents.yaml'] === undefined) refuseStrangers(Object.keys(script), Object.keys(agents ?? starterAgentNames))
  await using started = new AsyncDisposableStack()
  const model = startModelServer()
  started.defer(() => model.stop())
  model.script(script)
  const appliance = await startAppliance(model.url)
  started.defer(() => appliance.stop())
  const wanted = { ...(agents === undefined ? {} : agentDocuments(agents)), ...documents }
  if (Object.keys(wanted).length > 0) await appliance.deliver(wanted)
  const { ask } = appliance

  const list = async <T>(path: string, read: (fields: Fields) => T, name = 'list') => {
    const answer = await ask(path)
    return readFields(name === 'list' ? { list: answer } : answer, path).list(name, read)
  }
  const messagesOf = (thread: string) => list(`/api/chat/threads/${thread}/messages?limit=500`, readMessage)
  const tasks = () => list('/api/tasks', readTask)
  const waiting = () => list('/api/approvals', readApproval, 'waiting')
  const mainThread = async (agent: string) => {
    const [newest] = await list(`/api/chat/threads?agent=${agent}`, fields => fields.text('id'))
    if (newest !== undefined) return newest
    return readFields(await ask('/api/chat/threads', { agent })).text('id')
  }

  const spoken = new Set<string>()
  /** What keeps the team from being done; empty when it is. */
  const unfinished = async (): Promise<readonly string[]> => {
    const [asked, all] = [await waiting(), await tasks()]
    const waits = [
      ...asked.map(({ agent, title }) => `${agent} waits for a person: ${title}`),
      ...all
        .filter(task => open.has(task.state))
        .map(task => `task ${task.name} (${task.agent}) is ${task.state}: ${task.reason}`),
    ]
    if (waits.length > 0) return waits
    const said = (await Promise.all([...spoken].map(messagesOf))).flat()
    return said
      .filter(({ state }) => state === 'queued' || state === 'answering')
      .map(({ by, role, text, state }) => `${role} ${by} is ${state}: ${text.slice(0, 200)}`)
  }
  const until = async <T>(what: string, seconds: number, look: () => Promise<T | undefined>): Promise<T> => {
    for (const deadline = Date.now() + seconds * 1_000; ; await Bun.sleep(pollEvery)) {
      const found = await look()
      if (found !== undefined) return found
      if (Date.now() < deadline) continue
      throw new Error(`after ${seconds} s ${what}:\n${(await unfinished()).join('\n')}\n${leftOf(model, script)}`)
    }
  }
  const everything = started.move()
  return {
    model,
    home: appliance.home.root,
    async say(text, agent = 'supervisor') {
      const thread = await mainThread(agent)
      spoken.add(thread)
      const said = await ask(`/api/chat/threads/${thread}/messages`, { text })
      return readMessage(readFields(said, 'message'))
    },
    async untilDone(seconds = 60) {
      let quiet = 0
      await until('it is not done', seconds, async () => {
        if (model.overrun.length > 0) throw new Error(model.overrun.join('\n'))
        quiet = (await unfinished()).length === 0 ? quiet + 1 : 0
        return quiet > 2 ? true : undefined
      })
    },
    untilAsked: (seconds = 60) => until('nobody was asked', seconds, async () => (await waiting())[0]),
    async approve(approval) {
      await ask(`/api/approvals/${approval}/approve`, {})
    },
    async deny(approval, reason) {
      await ask(`/api/approvals/${approval}/deny`, reason === undefined ? {} : { reason })
    },
    invoked: agent => model.calls.some(call => call.agent === agent),
    toolsCalled: agent => callsIn(model.calls.filter(call => call.agent === agent)).map(call => call.tool),
    toolResults: agent => callsIn(model.calls.filter(call => call.agent === agent)).filter(call => call.ended),
    tasks,
    messages: async (agent = 'supervisor') => messagesOf(await mainThread(agent)),
    ask,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

const starterAgentNames = { supervisor: 0, code: 0, data: 0, infra: 0, research: 0, qa: 0 }

/** A script for an agent that is not there would never be used, and the test would wait in vain. */
function refuseStrangers(scripted: readonly string[], declared: readonly string[]): void {
  const strangers = scripted.filter(name => !declared.includes(name))
  if (strangers.length > 0)
    throw new Error(
      `there is a script for ${strangers.join(', ')}, and the agents are ${declared.join(', ')}: name it in \`agents\``,
    )
}

/** What the starter repository says of its own agents goes. */
function agentDocuments(agents: NonNullable<HarnessOptions['agents']>): Documents {
  const entries = Object.entries(agents)
  const lines = entries.map(([name, { level }]) => `  ${name}: { level: ${level}, prompt: agents/${name}.md }`)
  return {
    ...{ 'permissions.yaml': undefined, 'network.yaml': undefined },
    'agents.yaml': `agents:\n${lines.join('\n')}\n`,
    ...Object.fromEntries(entries.map(([name, { prompt = `You are ${name}.` }]) => [`agents/${name}.md`, `${prompt}\n`])),
  }
}

const readMessage = (fields: Fields): SaidMessage => ({
  id: fields.text('id'),
  thread: fields.text('thread'),
  role: fields.text('role'),
  by: fields.text('by'),
  text: fields.text('text'),
  state: fields.text('state'),
})

const readTask = (fields: Fields): TeamTask => ({
  id: fields.text('id'),
  name: fields.text('name'),
  agent: fields.text('agent'),
  state: fields.text('state'),
  reason: fields.text('reason'),
  result: fields.optionalText('result') ?? '',
  error: fields.optionalText('error') ?? '',
})

const readApproval = (fields: Fields): WaitingApproval => ({
  id: fields.text('id'),
  agent: fields.text('agent'),
  title: fields.text('title'),
})

interface CalledTool {
  readonly tool: string
  content: string
  failed: boolean
  ended: boolean
}

/** Each call once, in the order in which they were made: a later request tells them all again. */
function callsIn(requests: readonly ModelCall[]): readonly CalledTool[] {
  const found = new Map<string, CalledTool>()
  for (const { body } of requests) {
    for (const message of readFields(JSON.parse(body)).list('messages', fields => fields)) {
      for (const block of message.list('content', fields => fields)) note(found, block)
    }
  }
  return [...found.values()]
}

function note(found: Map<string, CalledTool>, { raw }: Fields): void {
  const { type, id, name, tool_use_id: answered, content } = raw
  if (type === 'tool_use' && typeof id === 'string' && typeof name === 'string' && !found.has(id)) {
    found.set(id, { tool: name, content: '', failed: false, ended: false })
  }
  const call = type === 'tool_result' && typeof answered === 'string' ? found.get(answered) : undefined
  if (call === undefined) return
  call.content = typeof content === 'string' ? content : JSON.stringify(content)
  call.failed = raw.is_error === true
  call.ended = true
}

const leftOf = (model: ModelServer, script: HarnessOptions['script']) =>
  Object.keys(script)
    .map(agent => `turns left in the script of ${agent}: ${model.left(agent)}`)
    .join('\n')
