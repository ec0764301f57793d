import { ApplianceError } from '../os/errors.ts'
import { findCycle } from './cycle.ts'
import { defaults, longestName, longestText, mostDependencies, mostTasks } from './numbers.ts'
import type { NewTask } from './task.ts'

/** A task whose every field is present, sound and can be stored. */
export interface SoundTask {
  readonly name: string
  readonly description: string
  readonly agent: string
  readonly priority: number
  /** Siblings' names. */
  readonly siblings: readonly string[]
  /** Ids of tasks that are said to exist. */
  readonly existing: readonly string[]
  readonly criteria: readonly string[]
  readonly maxRetries: number
  readonly timeoutSeconds: number
  readonly idempotencyKey: string | undefined
}

/** Mistakes that are told at once. */
const mostTold = 5

/** Checks what can be checked without the store; throws `invalid`, naming what is wrong. */
export function soundSubmission(tasks: readonly NewTask[], agents: readonly string[]): readonly SoundTask[] {
  if (tasks.length === 0) throw invalid(['there is no task in it'])
  if (tasks.length > mostTasks) throw invalid([`it has ${tasks.length} tasks, and ${mostTasks} are allowed`])
  const names = new Set(tasks.map(task => task.name))
  const mistakes = [...repeated(tasks), ...tasks.flatMap(task => [...mistakesOf(task, names, agents)])]
  if (mistakes.length > 0) throw invalid(mistakes)
  const sound = tasks.map(task => soundTask(task, names))
  const cycle = findCycle(new Map(sound.map(task => [task.name, task.siblings])))
  if (cycle !== undefined) throw invalid([`the tasks wait for each other in a circle: ${cycleInWords(cycle)}`])
  return sound
}

function soundTask(task: NewTask, names: ReadonlySet<string>): SoundTask {
  const needs = [...new Set(task.dependsOn ?? [])]
  return {
    name: task.name,
    description: storable(task.description),
    agent: task.agent,
    priority: task.priority ?? defaults.priority,
    siblings: needs.filter(need => names.has(need)),
    existing: needs.filter(need => !names.has(need)),
    criteria: (task.criteria ?? []).map(storable),
    maxRetries: task.maxRetries ?? defaults.maxRetries,
    timeoutSeconds: task.timeoutSeconds ?? defaults.timeoutSeconds,
    idempotencyKey: task.idempotencyKey,
  }
}

function* repeated(tasks: readonly NewTask[]): Generator<string> {
  for (const [what, values] of [
    ['name', tasks.map(task => task.name)],
    ['idempotency key', tasks.flatMap(task => task.idempotencyKey ?? [])],
  ] as const) {
    const seen = new Set<string>()
    for (const value of values) {
      if (seen.has(value)) yield `the ${what} ${quoted(value)} is there twice`
      seen.add(value)
    }
  }
}

function* mistakesOf(task: NewTask, names: ReadonlySet<string>, agents: readonly string[]): Generator<string> {
  const called = quoted(task.name)
  if (!isName(task.name)) yield `${called} is no name: 1 to ${longestName} characters on one line`
  if (task.description.trim() === '') yield `${called} has no description`
  if (textLength(task) > longestText) yield `${called} has more than ${longestText} characters`
  if (!agents.includes(task.agent)) {
    yield `${called} is for ${quoted(task.agent)}, and there is no such agent; there are: ${agents.join(', ')}`
  }
  const needs = task.dependsOn ?? []
  if (needs.length > mostDependencies) yield `${called} depends on ${needs.length} tasks, and ${mostDependencies} are allowed`
  if (needs.includes(task.name)) yield `${called} depends on itself`
  for (const need of needs) {
    if (!names.has(need) && !isId(need)) yield unknownDependency(task.name, need)
  }
  if (!isWhole(task.priority ?? 5, 1, 10)) yield `the priority of ${called} is a whole number from 1 to 10`
  if (!isWhole(task.maxRetries ?? 3, 0, 100)) yield `the retries of ${called} are a whole number from 0 to 100`
  if (!isWhole(task.timeoutSeconds ?? 300, 1, 86_400)) yield `the timeout of ${called} is 1 to 86,400 whole seconds`
  if (task.idempotencyKey !== undefined && !isName(task.idempotencyKey)) {
    yield `the idempotency key of ${called} is 1 to ${longestName} characters on one line`
  }
}

export const unknownDependency = (task: string, need: string): string =>
  `${quoted(task)} depends on ${quoted(need)}, which is neither another task of the submission nor the id of one that exists`

export function invalid(mistakes: readonly string[]): ApplianceError {
  const more = mistakes.length > mostTold ? `; and ${mistakes.length - mostTold} more` : ''
  return new ApplianceError('invalid', `the tasks were not taken: ${mistakes.slice(0, mostTold).join('; ')}${more}`, {
    hint: 'mend this and submit all of them again; none was added',
  })
}

/** Long circles are told by their beginning and end. */
function cycleInWords(cycle: readonly string[]): string {
  const round = [...cycle, ...cycle.slice(0, 1)].map(quoted)
  const shown = round.length > 10 ? [...round.slice(0, 5), `… ${round.length - 8} more …`, ...round.slice(-3)] : round
  return shown.join(' → ')
}

const isWhole = (value: number, from: number, to: number) => Number.isInteger(value) && value >= from && value <= to

const isName = (text: string) =>
  text.trim() !== '' && text.length <= longestName && !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text) && text.isWellFormed()

const textLength = (task: NewTask) =>
  (task.criteria ?? []).reduce((sum, criterion) => sum + criterion.length, task.description.length)

export const isId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** What Postgres takes for one. */
export const isToken = (token: number): boolean => Number.isInteger(token) && token >= 0 && token < 2 ** 31

const quoted = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** Postgres keeps every character but NUL and halves of one. */
export const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed()
