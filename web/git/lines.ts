import type { EngineEvent, Hold, PlannedChange, ResourceStatus, RevisionPlan, Status } from '../../reconcilers/engine/status.ts'

/** What `git push` shows after `remote:`; pure text, no colours. `command` is how a person calls the command line. */

const mark = { create: '+', update: '~', replace: '±', delete: '-' } as const
const done = { create: 'created', update: 'updated', replace: 'replaced', delete: 'removed' } as const
const most = 40

/** A plan without a revision is of what is not committed. With a command: it is of main as it is, and can be approved once it is held. */
export function planLines(plan: RevisionPlan, command?: string): string[] {
  const title = plan.revision === '' ? 'plan' : `plan for ${plan.revision.slice(0, 8)}`
  if ([plan.changes, plan.holds, plan.unseen, plan.leftAlone].every(part => part.length === 0))
    return [`${title}: nothing to change`]
  const waits = new Map(plan.waits.map(({ kind, for: leader }) => [kind, leader]))
  const width = Math.max(0, ...plan.changes.map(change => change.key.length))
  const shown = plan.changes.slice(0, most)
  const listed = new Set(shown.map(({ kind, key, operation }) => takenLine(kind, key, operation)))
  return [
    `${title}:`,
    ...shown.map(change => {
      const leader = waits.get(change.kind)
      const name = `${change.kind.padEnd(5)} ${change.key.padEnd(Math.min(width, 40))}`
      return leader === undefined
        ? `  ${mark[change.operation]} ${name}  ${change.summary}`
        : `  = ${name}  waits with ${leader}: ${change.summary}`
    }),
    ...(plan.changes.length > most ? [`  … and ${plan.changes.length - most} more`] : []),
    ...unseenLines(plan.unseen),
    ...plan.leftAlone.map(
      ({ kind, key, until }) => `  = ${kind.padEnd(5)} ${key}  would change, and is suspended until ${minute(until)}: left alone`,
    ),
    ...plan.holds.flatMap(hold => holdLines(hold, command, listed)),
  ]
}

/** What several kinds could not look at for one reason, like a zone whose key is not set, is told of once. */
function unseenLines(unseen: RevisionPlan['unseen']): string[] {
  const groups = Map.groupBy(unseen, ({ key, message }) => JSON.stringify([key ?? null, message]))
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return []
    const kinds = [first, ...others].map(({ kind }) => kind).join(', ')
    return first.key === undefined
      ? `  ? ${kinds}: cannot be looked at just now: ${first.message}`
      : `  ? ${kinds} ${first.key}: ${first.message}`
  })
}

/** `listed`: what stands above already, as `takenLine` writes it; it is not said again. */
export function holdLines(hold: Hold, command?: string, listed: ReadonlySet<string> = new Set()): string[] {
  const own = hold.kinds.filter(({ reason }) => reason !== '')
  const along = hold.kinds.filter(({ reason }) => reason === '').flatMap(held => takenLines([held], listed))
  const approves = command !== undefined && hold.id !== ''
  return [
    ...own.flatMap(held => [`HELD: ${held.reason}.`, ...takenLines([held], listed)]),
    ...(along.length === 0 ? [] : ['  With it go:', ...along]),
    `  Nothing of kind ${hold.kinds.map(({ kind }) => kind).join(', ')} changes until somebody approves it, once${approves ? ':' : '.'}`,
    ...(!approves ? [] : [`  ${command} approve ${hold.id}`]),
  ]
}

/** What goes of these kinds, or becomes something else, without what is listed already. */
export const takenLines = (kinds: readonly TakenFrom[], listed: ReadonlySet<string> = new Set()): string[] =>
  someOf(
    kinds
      .flatMap(({ kind, changes }) =>
        changes.flatMap(({ key, operation }) => (operation === 'create' ? [] : [takenLine(kind, key, operation)])),
      )
      .filter(line => !listed.has(line)),
    line => line,
  )

const takenLine = (kind: string, key: string, operation: keyof typeof mark) => `  ${mark[operation]} ${kind} ${key}`

interface TakenFrom {
  readonly kind: string
  readonly changes: readonly { readonly key: string; readonly operation: 'create' | 'update' | 'delete' }[]
}

const minute = (iso: string) => `${iso.slice(0, 16).replace('T', ' ')} UTC`

/** The line of one event while a convergence is followed; undefined when it has nothing to show. */
export function eventLine(event: EngineEvent): string | undefined {
  switch (event.type) {
    case 'change':
      if (event.phase === 'started') return undefined
      if (event.phase === 'verified') return verifiedLine(event.change, event.milliseconds)
      return event.phase === 'waiting' ? waitingLine(event.change, event.message) : failedLine(event.change, event.message)
    case 'progress':
      return `  … ${event.kind} ${event.key}: ${event.message}`
    case 'superseded':
      return `a newer commit took over: ${event.by.slice(0, 8)}`
    default:
      return undefined
  }
}

const verifiedLine = (change: PlannedChange, milliseconds: number) =>
  `  ${mark[change.operation]} ${change.kind} ${change.key} ${done[change.operation]}: ${change.summary} (${milliseconds} ms)`

const waitingLine = (change: PlannedChange, message: string) => `  … ${change.kind} ${change.key} waits: ${message}`

const failedLine = (change: PlannedChange, message: string) => `  ! ${change.kind} ${change.key} FAILED: ${message}`

/** The last lines: what was reached, and what is left and how to go on. */
export function summaryLines(
  status: Status,
  holds: readonly Hold[],
  counts: ReadonlyMap<string, number>,
  milliseconds: number,
  command: string,
): string[] {
  const short = status.desired.slice(0, 8)
  const parts = [...counts].map(([word, count]) => `${count} ${word}`)
  const suspended = status.resources.filter(resource => resource.state === 'suspended')
  if (status.converged)
    return [
      ...someOf(suspended, openLine),
      `converged to ${short} in ${milliseconds} ms${parts.length > 0 ? `: ${parts.join(', ')}` : ', nothing had to change'}`,
    ]
  const open = status.resources.filter(({ state }) => state !== 'ready' && state !== 'suspended' && state !== 'held')
  return [
    ...someOf(suspended, openLine),
    `${short} is accepted, and not all of it is reached yet:`,
    ...someOf(alike(open), openLines),
    ...holds.map(hold => heldLine(hold, command)),
    lastLine(open, holds, command),
  ]
}

/** The one line that says how a commit is let through. */
export const heldLine = ({ id, reason }: Hold, command: string): string =>
  `  held: ${reason}; approve with: ${command} approve ${id}`

function lastLine(open: readonly ResourceStatus[], holds: readonly Hold[], command: string): string {
  if (open.length === 0) return 'until that is approved, or a newer commit takes it back, everything held stays as it is'
  const stalled = open.filter(({ state }) => state === 'stalled').length
  const rest = stalled > 0 || holds.length > 0 ? 'the rest' : 'it'
  return [
    ...(stalled > 0 ? ['what is stalled waits for you, as it says'] : []),
    ...(stalled < open.length ? [`${rest} goes on by itself`] : []),
    `to watch: ${command} status`,
  ].join('; ')
}

const someOf = <Item>(items: readonly Item[], line: (item: Item) => string) => [
  ...items.slice(0, most).map(line),
  ...(items.length > most ? [`  … and ${items.length - most} more`] : []),
]

const openLine = (resource: ResourceStatus) =>
  `  ${resource.state} ${resource.kind} ${resource.key}: ${resource.message || resource.reason}`

/** Resources that wait for the same are told of once, like all records whose key is not set. */
function alike(resources: readonly ResourceStatus[]): readonly (readonly [ResourceStatus, ...ResourceStatus[]])[] {
  const groups = new Map<string, [ResourceStatus, ...ResourceStatus[]]>()
  for (const resource of resources) {
    const same = JSON.stringify([resource.state, resource.message || resource.reason])
    const group = groups.get(same)
    if (group === undefined) groups.set(same, [resource])
    else group.push(resource)
  }
  return [...groups.values()]
}

const openLines = ([first, ...others]: readonly [ResourceStatus, ...ResourceStatus[]]): string => {
  if (others.length === 0) return openLine(first)
  const named = others.slice(0, 2).map(({ kind, key }) => `${kind} ${key}`)
  const rest = others.length > named.length ? ` and ${others.length - named.length} more` : ''
  return openLine({ ...first, key: [first.key, ...named].join(', ') + rest })
}

export function countDone(events: readonly EngineEvent[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const event of events) {
    if (event.type !== 'change' || event.phase === 'started') continue
    const word = event.phase !== 'verified' ? event.phase : done[event.change.operation]
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}
