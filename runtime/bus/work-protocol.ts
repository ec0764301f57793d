import { ApplianceError } from '../os/errors.ts'
import { type Fields, readFields } from './parse.ts'
import {
  type Block,
  type Entry,
  largestEntry,
  longestEventText,
  type TaskBrief,
  type Usage,
  type Work,
  type WorkEnding,
  type WorkEvent,
  type WorkStanding,
  type WorkStart,
} from './work.ts'

/**
 * How work is spoken of over an agent's own socket: `POST /agent/work/:id/start` gives a {@link WorkStart}, `…/events`
 * takes a {@link WorkReport} and `…/finish` a {@link WorkFinish}; both give a {@link WorkStanding}.
 */

export interface WorkReport {
  readonly attempt: number
  /** Which event of this attempt the first one is, from 0: a report that is sent again counts once. */
  readonly from: number
  readonly events: readonly WorkEvent[]
}

export interface WorkFinish extends WorkEnding {
  readonly attempt: number
}

/** Milliseconds that lie between two reports of one agent at least, else the door refuses them for their number. */
export const shortestReportInterval = 10
/** The most events of one report, and the longest line in one of them. */
export const mostEvents = 1_000
export const longestLine = 2_000
/** The longest result of a work, in characters. */
export const longestEnding = 400_000
/** The largest request that an agent may make, in bytes. */
export const largestReport = 40_000_000

export function parseWorkStart(value: unknown): WorkStart {
  const fields = readFields(value, 'start')
  const outcome = fields.oneOf('outcome', ['go', 'settled', 'later'])
  if (outcome === 'settled') return { outcome }
  if (outcome === 'later') return { outcome, reason: fields.text('reason') }
  return { outcome, work: readWork(fields.object('work')) }
}

function readWork(fields: Fields): Work {
  const task = fields.optionalObject('task')
  return {
    id: fields.text('id'),
    kind: fields.oneOf('kind', ['question', 'task']),
    attempt: fields.integer('attempt'),
    thread: fields.text('thread'),
    by: fields.text('by'),
    text: fields.text('text'),
    attachments: fields.list('attachments', readBlock),
    task: task === undefined ? undefined : readTask(task),
    transcript: fields.list('transcript', readEntry),
    begun: fields.boolean('begun'),
    tainted: fields.boolean('tainted'),
  }
}

const readTask = (fields: Fields): TaskBrief => ({
  id: fields.text('id'),
  name: fields.text('name'),
  description: fields.text('description'),
  by: fields.text('by'),
  criteria: fields.texts('criteria'),
  inputs: fields.list('inputs', input => ({
    name: input.text('name'),
    agent: input.text('agent'),
    result: input.text('result'),
  })),
  timeout: fields.integer('timeout'),
})

export function parseWorkReport(value: unknown): WorkReport {
  const fields = readFields(value, 'report')
  const events = fields.list('events', readEvent)
  if (events.length > mostEvents) throw new ApplianceError('invalid', `report.events has more than ${mostEvents} events`)
  return { attempt: fields.integer('attempt'), from: fields.integer('from'), events }
}

export function parseWorkFinish(value: unknown): WorkFinish {
  const fields = readFields(value, 'finish')
  return {
    attempt: fields.integer('attempt'),
    outcome: fields.oneOf('outcome', ['done', 'failed']),
    text: bounded(fields, 'text', longestEnding),
  }
}

export function parseWorkStanding(value: unknown): WorkStanding {
  const fields = readFields(value, 'standing')
  const outcome = fields.oneOf('outcome', ['recorded', 'settled'])
  return outcome === 'recorded' ? { outcome } : { outcome, reason: fields.text('reason') }
}

const eventTypes = [
  ...(['text', 'retracted', 'tool-started', 'tool-output', 'tool-ended'] as const),
  ...(['entry', 'compacted', 'usage', 'waiting', 'tainted'] as const),
] as const

export function readEvent(fields: Fields): WorkEvent {
  const type = fields.oneOf('type', eventTypes)
  switch (type) {
    case 'text':
      return { type, text: bounded(fields, 'text', longestEventText) }
    case 'retracted':
      return { type }
    case 'tool-started':
      return { type, call: line(fields, 'call'), tool: line(fields, 'tool'), title: line(fields, 'title') }
    case 'tool-output':
      return { type, call: line(fields, 'call'), text: bounded(fields, 'text', longestEventText) }
    case 'tool-ended':
      return {
        type,
        call: line(fields, 'call'),
        outcome: fields.oneOf('outcome', ['done', 'failed', 'denied']),
        summary: line(fields, 'summary'),
        milliseconds: fields.integer('milliseconds'),
      }
    case 'entry':
      return { type, entry: boundedEntry(fields.object('entry')) }
    case 'compacted':
      return { type, entries: fields.list('entries', boundedEntry) }
    case 'usage':
      return { type, usage: readUsage(fields.object('usage')) }
    case 'waiting':
      return { type, reason: line(fields, 'reason') }
    case 'tainted':
      return { type, source: line(fields, 'source') }
  }
}

const readUsage = (fields: Fields): Usage => ({
  model: line(fields, 'model'),
  inputTokens: fields.integer('inputTokens'),
  outputTokens: fields.integer('outputTokens'),
  cacheReadTokens: fields.integer('cacheReadTokens'),
  cacheWriteTokens: fields.integer('cacheWriteTokens'),
})

/** One message of a conversation; its blocks are passed on as they are. */
export const readEntry = (fields: Fields): Entry => ({
  role: fields.oneOf('role', ['user', 'assistant']),
  content: fields.list('content', readBlock),
})

/** A block of the Messages API, all of it. */
export const readBlock = (fields: Fields): Block => ({ ...fields.raw, type: fields.text('type') })

function boundedEntry(fields: Fields): Entry {
  const entry = readEntry(fields)
  const length = JSON.stringify(entry).length
  if (length > largestEntry) {
    throw new ApplianceError('invalid', `an entry has ${length} characters, and ${largestEntry} are allowed`)
  }
  return entry
}

const line = (fields: Fields, name: string) => bounded(fields, name, longestLine)

function bounded(fields: Fields, name: string, limit: number): string {
  const text = fields.text(name)
  if (text.length > limit) {
    throw new ApplianceError('invalid', `${fields.path}.${name} has ${text.length} characters, and ${limit} are allowed`)
  }
  return text
}
