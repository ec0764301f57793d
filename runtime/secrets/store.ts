/** Where a secret comes from, nearest first: the nearest one that has a name gives its value. */
export const sources = ['environment', 'home', 'repository', 'aws'] as const
export type Source = (typeof sources)[number]

/** What may be told of a secret. */
export interface SecretFacts {
  readonly name: string
  /** ISO 8601; undefined where nobody knows. */
  readonly changedAt: string | undefined
}

/** One place that holds secrets. */
export interface SecretStore {
  readonly source: Source
  /** Undefined: it has none of that name. Throws ApplianceError when it cannot tell; then no farther store is asked. */
  get(name: string): Promise<string | undefined>
  list(): Promise<readonly SecretFacts[]>
  /** What is wrong with it although it still answers from what it knows. */
  problem?(): string | undefined
}

/** A store that is written from here. */
export interface WritableStore extends SecretStore {
  /** Durable when it resolves. */
  set(name: string, value: string): Promise<void>
  /** False: there was none. */
  remove(name: string): Promise<boolean>
}
