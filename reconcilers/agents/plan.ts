import type { AgentPolicy, ToolFile } from '../../desired-state/state.ts'
import { promptHash, shortHash } from '../../runtime/bus/declarations.ts'
import { heartbeatLimit } from '../../runtime/bus/presences.ts'
import { sessionName } from '../../runtime/services/tmux-commands.ts'
import type { Change, FieldChange, Obstacle, Operation, Plan } from '../engine/reconciler.ts'
import { type AgentItem, configurationOf, type Item, orderOf, promptHashOf } from './item.ts'
import { type Observed, type OurWindow, restartLimit, restartWindow } from './observe.ts'

export type Action =
  /** Starts what has no living process: in its dead window, or in a new one. */
  | {
      readonly type: 'start'
      readonly item: Item
      readonly configuration: string
      readonly counts: boolean
      readonly order: readonly string[]
    }
  /** Ends a living process and starts another in its window. */
  | {
      readonly type: 'replace'
      readonly item: Item
      readonly configuration: string
      readonly drain: boolean
      readonly order: readonly string[]
    }
  | { readonly type: 'reload'; readonly item: AgentItem; readonly configuration: string }
  /** Names and places of windows; nothing is restarted. */
  | { readonly type: 'arrange'; readonly order: readonly string[] }
  | { readonly type: 'remove' }

type Decision = { readonly changes: readonly Change<Action>[]; readonly obstacle?: Obstacle }

export interface PlanFacts {
  readonly version: string
  /** Whether Claude can be asked at all. */
  readonly canAnswer: boolean
  /** Why the key that is declared cannot be had. */
  readonly missingKey?: string | undefined
}

export function plan(desired: ReadonlyMap<string, Item>, observed: Observed, facts: PlanFacts): Plan<Action> {
  const order = orderOf(desired.keys())
  if (observed.layout.session.state === 'foreign') return { changes: [], obstacles: order.map(foreignSession) }
  const misplaced = misplacedOf(order, observed)
  const decisions = order.flatMap(key => {
    const item = desired.get(key)
    return item === undefined ? [] : [decide(item, order, misplaced.has(key), observed, facts)]
  })
  const doomed = new Set([...observed.layout.windows.keys(), ...observed.layout.strays.keys(), ...observed.declared.keys()])
  const removals = orderOf(doomed).filter(key => !desired.has(key))
  const changes = [...removals.map(removal), ...decisions.flatMap(decision => decision.changes)]
  const obstacles = decisions.flatMap(decision => decision.obstacle ?? [])
  const said = new Set([...changes, ...obstacles].map(({ key }) => key))
  return {
    changes,
    obstacles: [...obstacles, ...keyless(desired, facts).filter(({ key }) => !said.has(key))],
    notes: new Map(facts.canAnswer || facts.missingKey !== undefined ? [] : agentsOf(desired).map(name => [name, noKey])),
  }
}

/** Their processes are there, and wait for the key that is declared. */
const keyless = (desired: ReadonlyMap<string, Item>, { missingKey }: PlanFacts): Obstacle[] =>
  missingKey === undefined
    ? []
    : agentsOf(desired).map(key => ({ key, state: 'waiting', reason: 'no-key', message: `cannot answer yet: ${missingKey}` }))

const noKey =
  'cannot answer yet: set ANTHROPIC_API_KEY in the environment of the appliance, then restart it; or name a secret with claude: in settings.yaml'

const agentsOf = (desired: ReadonlyMap<string, Item>) =>
  [...desired.values()].filter(item => item.type === 'agent').map(item => item.name)

const foreignSession = (key: string): Obstacle => ({
  key,
  state: 'stalled',
  reason: 'foreign-session',
  message: `a session named ${sessionName} on our tmux server is not ours: rename it (tmux rename-session) or end it`,
})

function decide(item: Item, order: readonly string[], misplaced: boolean, observed: Observed, facts: PlanFacts): Decision {
  const window = observed.layout.windows.get(item.name)
  const configuration = configurationOf(item, facts.version, observed.generations.get(item.name) ?? 0)
  if (window?.alive !== true) return revive(item, configuration, window, order, observed)
  if (window.configuration !== configuration) return replaceChanged(item, configuration, order, observed)
  if (misplaced) return arrange(item.name, order)
  return item.type === 'agent' ? decideAgent(item, configuration, window, order, observed) : { changes: [] }
}

function decideAgent(
  item: AgentItem,
  configuration: string,
  window: OurWindow,
  order: readonly string[],
  observed: Observed,
): Decision {
  const declared = observed.declared.get(item.name)
  if (declared === undefined || promptHash(declared) !== promptHashOf(item)) return reload(item, configuration, observed)
  const report = observed.reports.get(item.name)
  if (report === undefined || report.pid !== window.pid) return silent(item, configuration, order, observed, report?.at)
  if (report.configuration !== configuration) return replaceChanged(item, configuration, order, observed)
  if (report.promptHash !== promptHashOf(item)) return reload(item, configuration, observed)
  return { changes: [] }
}

function revive(
  item: Item,
  configuration: string,
  window: OurWindow | undefined,
  order: readonly string[],
  observed: Observed,
): Decision {
  const sessionThere = observed.layout.session.state === 'ours'
  const startedBefore = window !== undefined || observed.declared.has(item.name)
  const flapping = flappingOf(item, configuration, window, observed)
  if (flapping !== undefined) return { changes: [], obstacle: flapping }
  const summary = window
    ? 'start it again: its process ended'
    : startedBefore
      ? 'open its window again: it was gone'
      : 'open its window'
  const action: Action = { type: 'start', item, configuration, counts: sessionThere && startedBefore, order }
  return { changes: [change(item.name, startedBefore ? 'replace' : 'create', summary, fieldsOf(item, observed), action)] }
}

/** Stalled after too many restarts, until it is declared differently or a person asks for a restart. */
function flappingOf(item: Item, configuration: string, window: OurWindow | undefined, observed: Observed): Obstacle | undefined {
  const restarts = observed.restarts.get(item.name) ?? []
  const newest = restarts[0]
  const oldest = restarts[restartLimit - 1]
  if (newest === undefined || oldest === undefined || newest.getTime() - oldest.getTime() > restartWindow) return undefined
  // Far from each other either way: restarts of the future are those of a clock that was ahead.
  if (Math.abs((window?.deadAt ?? observed.now) - newest.getTime()) > restartWindow) return undefined
  if (item.type === 'agent' && isDeclaredAnew(item, configuration, observed)) return undefined
  const words = observed.lastWords.get(item.name)
  return {
    key: item.name,
    state: 'stalled',
    reason: 'flapping',
    message: `it ended ${restartLimit} times within 5 minutes and is not started again${words ? ` (${words})` : ''}. ${
      item.type === 'agent'
        ? 'Correct the cause, then restart it on its page in the portal, or push another declaration of it'
        : 'It is tried again 5 minutes after the last time'
    }`,
  }
}

function isDeclaredAnew(item: AgentItem, configuration: string, { declared }: Observed): boolean {
  const known = declared.get(item.name)
  return known === undefined || known.configuration !== configuration || promptHash(known) !== promptHashOf(item)
}

function replaceChanged(item: Item, configuration: string, order: readonly string[], observed: Observed): Decision {
  const action: Action = { type: 'replace', item, configuration, drain: item.type === 'agent', order }
  const fields = fieldsOf(item, observed)
  const level = fields.some(field => field.name === 'level')
  const summary = level ? 'replace its process for the new level' : 'replace its process'
  return {
    changes: [
      change(item.name, 'replace', item.type === 'agent' ? `${summary}, after what it is doing` : summary, fields, action),
    ],
  }
}

function reload(item: AgentItem, configuration: string, observed: Observed): Decision {
  const fields = fieldsOf(item, observed)
  const names = fields.map(field => field.name)
  const summary = names.length === 0 || names.includes('prompt') ? 'reload the prompt' : `take over ${names.join(', ')}`
  return {
    changes: [change(item.name, 'update', `${summary}, without a restart`, fields, { type: 'reload', item, configuration })],
  }
}

/** Alive, but not heard of: it gets the time of a heartbeat, then another process takes its place. */
function silent(
  item: AgentItem,
  configuration: string,
  order: readonly string[],
  observed: Observed,
  lastHeard: number | undefined,
): Decision {
  const since = Math.max(observed.listeningSince, lastHeard ?? 0)
  if (observed.now - since < heartbeatLimit) {
    const message = 'its process is there and has not reported yet; it is looked at again when it does'
    return { changes: [], obstacle: { key: item.name, state: 'waiting', reason: 'connecting', message } }
  }
  const flapping = flappingOf(item, configuration, undefined, observed)
  if (flapping !== undefined) return { changes: [], obstacle: flapping }
  const action: Action = { type: 'replace', item, configuration, drain: false, order }
  return { changes: [change(item.name, 'replace', 'replace its process: no heartbeat for 30 s', [], action)] }
}

const arrange = (key: string, order: readonly string[]): Decision => ({
  changes: [change(key, 'update', 'put its window in its place', [], { type: 'arrange', order })],
})

const removal = (key: string): Change<Action> =>
  change(key, 'delete', 'end it after what it is doing; its workspace stays', [], { type: 'remove' })

const change = (
  key: string,
  operation: Operation,
  summary: string,
  fields: readonly FieldChange[],
  action: Action,
): Change<Action> => ({ kind: 'agent', key, operation, summary, fields, action })

/** Windows with a wrong name, or out of order among ours; strays count for their window. */
function misplacedOf(order: readonly string[], { layout }: Observed): ReadonlySet<string> {
  const wanted = order.filter(key => layout.windows.has(key))
  const actual = [...wanted].sort((one, other) => (layout.windows.get(one)?.index ?? 0) - (layout.windows.get(other)?.index ?? 0))
  const wrong = wanted.filter(
    (key, place) => actual[place] !== key || layout.windows.get(key)?.name !== key || layout.strays.has(key),
  )
  const renamed = layout.session.state === 'ours' && layout.session.name !== sessionName
  return new Set([...wrong, ...(renamed ? wanted.slice(0, 1) : [])])
}

function fieldsOf(item: Item, { declared }: Observed): FieldChange[] {
  const before = declared.get(item.name)
  if (item.type !== 'agent' || before === undefined) return []
  const pairs: readonly (readonly [string, string, string])[] = [
    ['level', String(before.level), String(item.level)],
    ['model', before.model, item.model],
    ['agent_max_tokens', String(before.maxTokens), String(item.maxTokens)],
    ['description', before.description, item.description],
    ['prompt', excerpt(before.prompt), excerpt(item.prompt)],
    ['tools', toolsShown(before.tools), toolsShown(item.tools)],
    ...policyFields(before.policy, item.policy),
  ]
  const differing = pairs.filter(([name, old, now]) => (name === 'prompt' ? before.prompt !== item.prompt : old !== now))
  return differing.map(([name, old, now]) => ({ name, before: old, after: now }))
}

/** `convert.ts 1a2b3c4d`: the name, and the beginning of the hash of its text. */
const toolsShown = (tools: readonly ToolFile[]): string =>
  tools.map(({ name, text }) => `${name} ${shortHash(text).slice(0, 8)}`).join(', ')

/** Everything of a policy, one field for each list and number: `run.allow`, `limits.max_memory_mb`. */
function policyFields(before: AgentPolicy, after: AgentPolicy): (readonly [string, string, string])[] {
  const words = ['read', 'write', 'net', 'run', 'env', 'sql', 'verb'] as const
  return [
    ...words.flatMap(word =>
      (['allow', 'deny', 'ask'] as const).map(
        list => [`${word}.${list}`, before[word][list].join(', '), after[word][list].join(', ')] as const,
      ),
    ),
    ...numbers('limits', before.limits, after.limits),
    ...numbers('budgets', before.budgets, after.budgets),
  ]
}

const numbers = (group: string, before: object, after: object) => {
  const old = new Map(Object.entries(before))
  return Object.entries(after).map(([name, value]) => [`${group}.${name}`, String(old.get(name)), String(value)] as const)
}

const excerpt = (prompt: string) => {
  const line = prompt.trim().split('\n', 1)[0] ?? ''
  return `${line.slice(0, 60)}${prompt.trim().length > 60 ? '…' : ''} (${prompt.length} characters)`
}
