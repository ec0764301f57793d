import type { DesiredState } from './state.ts'

const referencePattern = /^secret:([A-Z][A-Z0-9_]{0,99})(?:\.[A-Za-z0-9_-]{1,100})?$/

/** Parts of a state that hold people's words, where `secret:NAME` is no reference. */
const prose: ReadonlySet<string> = new Set(['revision', 'agents', 'telos', 'secrets'])

/**
 * Every place where a document refers to a secret, by the secret's name: `dns.yaml example.com`. It walks through all of
 * the state, so that a document that is new need not be named here.
 */
export function secretUses(state: DesiredState): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, Set<string>>()
  for (const [part, value] of Object.entries(state)) {
    if (prose.has(part)) continue
    for (const [key, entry] of entriesOf(value)) {
      for (const name of namesIn(entry)) {
        const places = uses.get(name) ?? new Set()
        uses.set(name, places.add(`${fileOf(part)} ${key}`))
      }
    }
  }
  return new Map([...uses].map(([name, places]) => [name, [...places].sort()]))
}

/** Where a part of the state is written. */
const fileOf = (part: string): string => (part === 'gitBackups' ? 'backups.yaml' : `${part}.yaml`)

function* namesIn(value: unknown): Generator<string> {
  if (typeof value === 'string') {
    const name = referencePattern.exec(value)?.[1]
    if (name !== undefined) yield name
  } else for (const [, item] of entriesOf(value)) yield* namesIn(item)
}

function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (value instanceof Map) return value
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}
