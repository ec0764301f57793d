import type { AgentPolicy, ToolFile } from '../../desired-state/state.ts'
import type { Utterance } from './agents.ts'
import { type Fields, readFields } from './parse.ts'
import { readPolicy } from './policy.ts'
import { readTools } from './tool-files.ts'

/** What is said over an agent's own socket. Both ends parse what they get with the functions here. */

export type Mode = 'run' | 'drain'

/** All that an agent's process needs to know; kept in its memory only. */
export interface Briefing {
  readonly name: string
  readonly level: number
  readonly description: string
  readonly prompt: string
  /** Of everything that is reloaded in place: prompt, description, model, tokens, policy. */
  readonly promptHash: string
  readonly model: string
  readonly maxTokens: number
  readonly policy: AgentPolicy
  /** All agents of this appliance, itself among them, sorted by name. */
  readonly team: readonly { readonly name: string; readonly description: string }[]
  readonly tools: readonly ToolFile[]
  /** Of everything that needs a new process. */
  readonly configuration: string
  readonly mode: Mode
  readonly claude: {
    readonly apiKey: string | undefined
    readonly baseUrl: string | undefined
    /** Why the key that is declared cannot be had. */
    readonly missing?: string | undefined
    /** Name of the secret that it comes from; absent for the environment. */
    readonly keyName?: string | undefined
  }
  readonly redis: {
    readonly socket: string | undefined
    readonly url: string | undefined
    /** Of every name there. */
    readonly prefix: string
    readonly username: string
    readonly password: string
  }
  /** Changes whenever anything above does. */
  readonly version: string
}

export function parseBriefing(value: unknown): Briefing {
  const fields = readFields(value, 'briefing')
  const claude = fields.object('claude')
  const redis = fields.object('redis')
  return {
    name: fields.text('name'),
    level: fields.integer('level'),
    description: fields.text('description'),
    prompt: fields.text('prompt'),
    promptHash: fields.text('promptHash'),
    model: fields.text('model'),
    maxTokens: fields.integer('maxTokens'),
    policy: readPolicy(fields.object('policy')),
    team: fields.list('team', agent => ({ name: agent.text('name'), description: agent.text('description') })),
    tools: readTools(fields, 'tools'),
    configuration: fields.text('configuration'),
    mode: fields.oneOf('mode', ['run', 'drain']),
    claude: {
      apiKey: claude.optionalText('apiKey'),
      baseUrl: claude.optionalText('baseUrl'),
      missing: claude.optionalText('missing'),
      keyName: claude.optionalText('keyName'),
    },
    redis: {
      socket: redis.optionalText('socket'),
      url: redis.optionalText('url'),
      prefix: redis.text('prefix'),
      username: redis.text('username'),
      password: redis.text('password'),
    },
    version: fields.text('version'),
  }
}

export interface Heartbeat {
  readonly pid: number
  /** ISO 8601, of the process's start. */
  readonly startedAt: string
  readonly activity: 'idle' | 'answering' | 'draining'
  readonly doing: string
  /** Told to drain, and nothing is under way any more. */
  readonly drained: boolean
  readonly promptHash: string
  /** That of the briefing it was started with. */
  readonly configuration: string
  /** Resident memory of the process in MiB, and its share of one processor since the last heartbeat, in percent. */
  readonly memoryMb: number
  readonly cpuPercent: number
}

export function parseHeartbeat(value: unknown): Heartbeat {
  const fields = readFields(value, 'heartbeat')
  return {
    pid: fields.integer('pid'),
    startedAt: fields.text('startedAt'),
    activity: fields.oneOf('activity', ['idle', 'answering', 'draining']),
    doing: fields.text('doing').slice(0, 200),
    drained: fields.boolean('drained'),
    promptHash: fields.text('promptHash'),
    configuration: fields.text('configuration'),
    memoryMb: fields.integer('memoryMb'),
    cpuPercent: fields.integer('cpuPercent'),
  }
}

/** The version of the briefing that counts now: another one than the agent's means that it reads the briefing again. */
export interface HeartbeatAnswer {
  readonly version: string
}

export const parseHeartbeatAnswer = (value: unknown): HeartbeatAnswer => ({
  version: readFields(value, 'answer').text('version'),
})

export const parseUtterance = (value: unknown): Utterance => readUtterance(readFields(value, 'utterance'))

export const parseConversation = (value: unknown): readonly Utterance[] =>
  readFields(value, 'conversation').list('utterances', readUtterance)

function readUtterance(fields: Fields): Utterance {
  const answers = fields.optionalText('answers')
  const attached = fields.raw.attachments !== undefined
  return {
    id: fields.text('id'),
    agent: fields.text('agent'),
    thread: fields.text('thread'),
    role: fields.oneOf('role', ['person', 'agent', 'event']),
    by: fields.text('by'),
    text: fields.text('text'),
    state: fields.oneOf('state', ['queued', 'answering', 'done', 'failed']),
    at: fields.text('at'),
    ...(attached ? { attachments: fields.list('attachments', block => ({ ...block.raw, type: block.text('type') })) } : {}),
    ...(answers === undefined ? {} : { answers }),
  }
}

/** The longest text of one utterance, in characters. */
export const longestUtterance = 100_000
