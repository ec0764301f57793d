import { storable } from './clean.ts'
import { canonical } from './digest.ts'
import type { FieldChange, Reconciler } from './reconciler.ts'
import type { HeldKind } from './status.ts'

type Items<Item> = ReadonlyMap<string, Item>
type Weighing<Item> = Pick<Reconciler<Item, never, never>, 'kind' | 'weigh' | 'precious' | 'scope' | 'exposes'>

/** What a commit alters of one kind, item by item; deletions first, keys in order. */
export interface Alteration {
  readonly changes: HeldKind['changes']
  /** Why it needs an approval; undefined when it does not. */
  readonly excess: string | undefined
}

/** The share of a kind that one commit may delete or redefine without an approval. */
const largestShare = 0.3

/**
 * Compares two declarations of one kind. It exceeds the cap when it deletes or redefines more than 30 % of the kind and
 * more than one of it, or its last members, or something precious; or when what it adds needs a person.
 */
export function alteration<Item>(reconciler: Weighing<Item>, before: Items<Item>, after: Items<Item>): Alteration {
  const deleted: string[] = []
  const redefined: string[] = []
  const adjusted: string[] = []
  for (const [key, item] of before) {
    const next = after.get(key)
    if (next === undefined) deleted.push(key)
    else if (!same(item, next)) {
      const weight = reconciler.weigh?.(item, next) ?? 'redefine'
      ;(weight === 'redefine' ? redefined : adjusted).push(key)
    }
  }
  const created = [...after.keys()].filter(key => !before.has(key))
  const change = (operation: 'create' | 'update' | 'delete') => (key: string) => ({
    key,
    operation,
    fields: differingFields(before.get(key), after.get(key)),
  })
  const precious = [...deleted, ...redefined].filter(key => {
    const item = before.get(key)
    return item !== undefined && reconciler.precious?.(item)
  })
  return {
    changes: [
      ...deleted.sort().map(change('delete')),
      ...[...redefined, ...adjusted].sort().map(change('update')),
      ...created.sort().map(change('create')),
    ],
    excess:
      excess(reconciler.kind, { before: before.size, after: after.size, deleted, redefined, precious }) ??
      excessWithin(reconciler, before, deleted, redefined) ??
      reconciler.exposes?.(before, after),
  }
}

/** Mostly nothing differs, and seeing that is ten times cheaper than writing both down. */
const same = (one: unknown, other: unknown): boolean => Bun.deepEquals(one, other, true) || canonical(one) === canonical(other)

interface Counts {
  readonly before: number
  readonly after: number
  readonly deleted: readonly string[]
  readonly redefined: readonly string[]
  readonly precious: readonly string[]
}

function excess(kind: string, counts: Counts): string | undefined {
  const hit = counts.deleted.length + counts.redefined.length
  if (counts.precious.length > 0) return `it alters the ${kind} that this portal is reached by: ${counts.precious.join(', ')}`
  if (counts.after === 0 && counts.before > 0)
    return `it removes the last ${counts.before === 1 ? kind : `${counts.before} of kind ${kind}`}`
  if (hit <= 1 || hit <= largestShare * counts.before) return undefined
  return `it ${hits(counts)} of ${counts.before} of kind ${kind}, more than 30 %`
}

const hits = ({ deleted, redefined }: Pick<Counts, 'deleted' | 'redefined'>): string =>
  [
    ...(deleted.length > 0 ? [`removes ${deleted.length}`] : []),
    ...(redefined.length > 0 ? [`redefines ${redefined.length}`] : []),
  ].join(' and ')

/** The share of each part of a kind: one zone of many may not vanish unnoticed. */
function excessWithin<Item>(
  { kind, scope }: Weighing<Item>,
  before: Items<Item>,
  deleted: readonly string[],
  redefined: readonly string[],
): string | undefined {
  if (scope === undefined || deleted.length + redefined.length < 2) return undefined
  const scopeOf = (key: string) => {
    const item = before.get(key)
    return item === undefined ? '' : scope(item)
  }
  const sizes = new Map<string, number>()
  for (const item of before.values()) sizes.set(scope(item), (sizes.get(scope(item)) ?? 0) + 1)
  for (const [name, size] of sizes) {
    const own = {
      deleted: deleted.filter(key => scopeOf(key) === name),
      redefined: redefined.filter(key => scopeOf(key) === name),
    }
    const hit = own.deleted.length + own.redefined.length
    if (hit > 1 && hit > largestShare * size) return `it ${hits(own)} of ${size} of kind ${kind} in ${name}, more than 30 %`
  }
  return undefined
}

function differingFields(before: unknown, after: unknown): FieldChange[] {
  const left = asRecord(before)
  const right = asRecord(after)
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()
  return names
    .filter(name => canonical(left[name] ?? null) !== canonical(right[name] ?? null))
    .map(name => ({ name, before: shown(left[name]), after: shown(right[name]) }))
}

const asRecord = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? { ...value } : {})

function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'string' ? value : canonical(value)
  return storable(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
