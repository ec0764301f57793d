import type { AgentEvent, AgentPresence, Agents, Thread, Utterance, WorkStep } from '../../../runtime/bus/agents.ts'

/** Agents whose words a test writes down; what they are asked to do is kept. */
export interface FakeAgents extends Agents {
  present(presence: AgentPresence): void
  show(name: string, screen: string): void
  /** Without a thread it is said in the agent's first one. */
  utter(utterance: Omit<Utterance, 'thread'> & { readonly thread?: string }): void
  delta(agent: string, utteranceId: string, text: string): void
  step(agent: string, step: Partial<WorkStep> & Pick<WorkStep, 'work' | 'call'>): void
  /** The thread in which an agent works on a task, with one step in it. */
  work(agent: string, task: string, title: string): void
  readonly asked: string[]
}

/** Id of the first conversation with an agent. */
export const firstOf = (agent: string): string => {
  const hash = Bun.SHA1.hash(agent, 'hex')
  return [hash.slice(0, 8), hash.slice(8, 12), hash.slice(12, 16), hash.slice(16, 20), hash.slice(20, 32)].join('-')
}

export function fakeAgents(): FakeAgents {
  const present = new Map<string, AgentPresence>()
  const screens = new Map<string, string>()
  const asked: string[] = []
  const threads = new Map<string, Thread>()
  const utterances = new Map<string, Utterance>()
  const steps = new Map<string, WorkStep & { readonly thread: string }>()
  const listeners = new Set<(event: AgentEvent) => void>()
  const emit = (event: AgentEvent) => {
    for (const listener of listeners) listener(event)
  }
  const threadOf = (id: string, agent: string, title = '', by = 'operator'): Thread => {
    const thread: Thread = threads.get(id) ?? {
      ...{ id, agent, kind: 'chat', title, task: undefined, createdBy: by },
      ...{ tainted: false, sources: [], createdAt: new Date().toISOString(), saidAt: new Date().toISOString(), archived: false },
    }
    threads.set(id, thread)
    return thread
  }
  const first = (agent: string) => threadOf(firstOf(agent), agent)
  const change = (id: string, changes: Partial<Thread>): boolean => {
    const thread = threads.get(id)
    if (thread !== undefined) threads.set(id, { ...thread, ...changes })
    return thread !== undefined
  }
  const agents: FakeAgents = {
    asked,
    present(presence) {
      present.set(presence.name, presence)
      emit({ type: 'presence', presence })
    },
    show: (name, screen) => screens.set(name, screen),
    utter(utterance) {
      const whole = { ...utterance, thread: utterance.thread ?? first(utterance.agent).id }
      utterances.set(whole.id, whole)
      change(whole.thread, { saidAt: whole.at })
      emit({ type: 'utterance', utterance: whole })
    },
    delta(agent, utteranceId, text) {
      const utterance = utterances.get(utteranceId)
      if (utterance !== undefined) utterances.set(utteranceId, { ...utterance, text: utterance.text + text })
      emit({ type: 'delta', agent, utteranceId, text })
    },
    step(agent, { work, call, ...rest }) {
      const thread = utterances.get(work)?.thread ?? ''
      const old = steps.get(`${work} ${call}`)
      const fresh = { tool: 'run', title: '', state: 'running', summary: '', output: '', afterText: 0 } as const
      const when = { startedAt: new Date().toISOString(), milliseconds: undefined }
      const step = { ...fresh, ...when, ...old, ...rest, work, call, thread }
      steps.set(`${work} ${call}`, step)
      const event = { type: 'tool-started', call, tool: step.tool, title: step.title } as const
      emit({ type: 'work', agent, thread, work, task: undefined, event })
    },
    work(agent, task, title) {
      const thread = threadOf(crypto.randomUUID(), agent)
      threads.set(thread.id, { ...thread, kind: 'task', task })
      const done = { tool: 'run', state: 'done', summary: 'passed', output: 'ok', afterText: 0, milliseconds: 840 } as const
      steps.set(`${task} 1`, { ...done, work: task, call: '1', title, startedAt: thread.createdAt, thread: thread.id })
      emit({
        type: 'work',
        agent,
        thread: thread.id,
        work: task,
        task,
        event: { type: 'tool-started', call: '1', tool: 'run', title },
      })
    },
    presence: () => [...present.values()],
    screen: async name => screens.get(name),
    conversation: async (name, limit, thread = first(name).id) =>
      [...utterances.values()].filter(each => each.thread === thread).slice(-limit),
    async say(name, text, by, { thread = first(name).id, attachments = [] } = {}) {
      asked.push(`say ${name} by ${by}: ${text}${attachments.map(({ type }) => ` +${type}`).join('')}`)
      const said = { id: crypto.randomUUID(), agent: name, thread, role: 'person', by, text, state: 'done' } as const
      const utterance: Utterance = { ...said, attachments, at: new Date().toISOString() }
      agents.utter(utterance)
      return utterance
    },
    threads: async name => [...threads.values()].filter(({ agent }) => agent === name).reverse(),
    thread: async id => threads.get(id),
    openThread: async (name, title, by) => threadOf(crypto.randomUUID(), name, title, by),
    changeThread: async (id, changes) => change(id, changes),
    async searchThreads(name, words) {
      const has = (text: string) => text.toLowerCase().includes(words.toLowerCase())
      return [...threads.values()].flatMap(thread => {
        if (thread.agent !== name || thread.kind !== 'chat') return []
        const said = [...utterances.values()].findLast(each => each.thread === thread.id && has(each.text))
        return said === undefined && !has(thread.title) ? [] : [{ thread, excerpt: said?.text ?? '' }]
      })
    },
    async forgetThread(id) {
      const said = [...utterances.values()].filter(({ thread }) => thread === id)
      if (said.some(({ state }) => state === 'queued' || state === 'answering')) return 'busy'
      for (const each of said) utterances.delete(each.id)
      return threads.delete(id) ? 'forgotten' : 'unknown'
    },
    steps: async thread => [...steps.values()].filter(step => step.thread === thread),
    async stopAnswer(work, by) {
      asked.push(`stop ${work} by ${by}`)
      return true
    },
    async askAgain(work) {
      asked.push(`ask again ${work}`)
      return true
    },
    async restart(name, by) {
      asked.push(`restart ${name} by ${by}`)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return agents
}
