import type { Reach } from './bindings.ts'
import type { SecretEntry, Secrets, StoreProblem } from './secrets.ts'
import { sources } from './store.ts'

/** Where secrets are referred to, by name: `dns.yaml example.com`. */
export type SecretUses = ReadonlyMap<string, readonly string[]>

/** Everything that may be told of the secrets, for people: no value is in it. */
export interface SecretsOverview {
  readonly secrets: readonly (SecretEntry & { readonly usedBy: readonly string[] } & Reach)[]
  /** Referred to, and nowhere. While a store cannot be read nobody knows, and nothing is listed. */
  readonly missing: readonly { readonly name: string; readonly usedBy: readonly string[] }[]
  readonly problems: readonly StoreProblem[]
  /** `age1…`: what others encrypt for, so that this appliance can read it; absent while the key cannot be read. */
  readonly recipient?: string
}

const nowhere: Reach = { allowed: [], refused: [] }

export async function secretsOverview(
  secrets: Pick<Secrets, 'list' | 'recipient' | 'reaches'>,
  uses: SecretUses,
): Promise<SecretsOverview> {
  const [list, recipient, reaches] = await Promise.all([
    secrets.list(),
    secrets.recipient().catch(() => undefined),
    // What needs one says that the file cannot be read.
    secrets.reaches().catch(() => new Map<string, Reach>()),
  ])
  const there = new Set(list.secrets.map(({ name }) => name))
  const missing = [...uses].filter(([name]) => !there.has(name)).map(([name, usedBy]) => ({ name, usedBy }))
  return {
    secrets: list.secrets.map(entry => ({
      ...entry,
      ...(reaches.get(entry.name) ?? nowhere),
      usedBy: uses.get(entry.name) ?? [],
    })),
    missing: list.problems.length > 0 ? [] : missing.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    problems: list.problems.toSorted((a, b) => sources.indexOf(a.source) - sources.indexOf(b.source)),
    ...(recipient === undefined ? {} : { recipient }),
  }
}
