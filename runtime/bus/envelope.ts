import { ApplianceError } from '../os/errors.ts'
import { type Fields, readFields } from './parse.ts'

export const messageTypes = ['task', 'result', 'handoff', 'query', 'heartbeat', 'learn'] as const
export type MessageType = (typeof messageTypes)[number]

/** What a message is to be, before the runtime stamps who sent it. */
export interface Draft {
  /** An agent, or `*` for all others. */
  readonly target: string
  readonly type: MessageType
  /** 1 (least) to 10; from {@link urgent} on it goes before. */
  readonly priority: number
  readonly payload: Readonly<Record<string, unknown>>
  readonly pai: Readonly<Record<string, unknown>>
}

/** The envelope of everything that goes over the bus. */
export interface Message extends Draft {
  /** A UUID. */
  readonly id: string
  /** ISO 8601. */
  readonly timestamp: string
  /** Stamped by the runtime: `person:ada`, `code`. */
  readonly source: string
}

/** The largest envelope, in characters of its JSON; what is longer stands in Postgres, and the payload names it. */
export const largestMessage = 256_000
export const urgent = 8

export function parseMessage(value: unknown): Message {
  const fields = readFields(value, 'message')
  const { id, timestamp, source } = { id: fields.text('id'), timestamp: fields.text('timestamp'), source: name(fields, 'source') }
  if (!isUuid(id)) throw wrong('message.id must be a UUID')
  if (Number.isNaN(Date.parse(timestamp))) throw wrong('message.timestamp must be a time as in ISO 8601')
  return bounded({ id, timestamp, source, ...readDraft(fields) })
}

export const parseDraft = (value: unknown): Draft => bounded(readDraft(readFields(value, 'message')))

function readDraft(fields: Fields): Draft {
  const priority = fields.raw.priority === undefined ? 5 : fields.integer('priority')
  if (priority < 1 || priority > 10) throw wrong('message.priority must be 1 to 10')
  return {
    target: name(fields, 'target'),
    type: fields.oneOf('type', messageTypes),
    priority,
    payload: fields.optionalObject('payload')?.raw ?? {},
    pai: fields.optionalObject('pai')?.raw ?? {},
  }
}

const longestName = 200

function name(fields: Fields, field: string): string {
  const text = fields.text(field)
  if (text === '' || text.length > longestName) throw wrong(`message.${field} must have 1 to ${longestName} characters`)
  return text
}

function bounded<T extends Draft>(message: T): T {
  const length = JSON.stringify(message).length
  if (length <= largestMessage) return message
  throw new ApplianceError('invalid', `the message has ${length} characters, and ${largestMessage} are allowed`, {
    hint: 'put what is long into a file of a project and name it',
  })
}

const wrong = (message: string) => new ApplianceError('invalid', message)

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/**
 * Names in Redis of what belongs to one agent; the prefix keeps appliances on one server apart. Each has two streams: what
 * is urgent is read before the rest, and each of the two in the order in which it came.
 */
export const inboxOf = (prefix: string, agent: string) => `${prefix}inbox:${agent}`
export const urgentInboxOf = (prefix: string, agent: string) => `${prefix}inbox:${agent}:urgent`
export const wakeChannelOf = (prefix: string, agent: string) => `${prefix}wake:${agent}`
export const consumerGroup = 'agent'
/** What could not be delivered, newest last; Postgres has it too, and longer. */
export const deadLettersOf = (prefix: string) => `${prefix}dead-letters`
