import { ApplianceError, explain } from '../os/errors.ts'
import type { KnownSecrets } from '../telemetry/known-secrets.ts'
import type { Bindings, Reach } from './bindings.ts'
import { fieldOf } from './field.ts'
import type { Place } from './place.ts'
import { checkedName, readReference } from './reference.ts'
import { type SecretStore, type Source, sources, type WritableStore } from './store.ts'

/** What is told of one secret: never its value. */
export interface SecretEntry {
  readonly name: string
  /** Where its value is taken from. */
  readonly source: Source
  /** ISO 8601; undefined where nobody knows. */
  readonly changedAt: string | undefined
  /** Places that have the name too, and are not asked. */
  readonly hidden: readonly Source[]
}

/** A store that could not be listed, and why. */
export interface StoreProblem {
  readonly source: Source
  readonly message: string
}

export interface SecretsList {
  /** By name. */
  readonly secrets: readonly SecretEntry[]
  readonly problems: readonly StoreProblem[]
}

export interface Secrets {
  /**
   * The value of `secret:NAME`, `secret:NAME.field` or NAME, at this moment: keep it no longer than it is used. `purpose`
   * says in a few words what for, the same words each time: `dns provider home`. `to` is where it goes, `here` for what
   * leaves this server in no way. Throws ApplianceError: `waiting` with the name and what to type when it is not there, its
   * store does not answer or it belongs elsewhere, `stalled` when its store is damaged.
   */
  value(reference: string, purpose: string, to: Place | 'here'): Promise<string>
  /**
   * As `value`, to look at the world for a commit that is not main: nothing is bound, and it throws `waiting` as well for a
   * place that main never sent the secret to.
   */
  preview: Secrets['value']
  list(): Promise<SecretsList>
  /** `by` is written down with the name. */
  set(name: string, value: string, by: string): Promise<Kept>
  /** Lets it go to `HOST` or `HOST:PORT` as well. Throws `invalid` for what is no name or no host. */
  allow(name: string, host: string, by: string): Promise<void>
  /**
   * Lets the name, and the value that is about to be set, go to these hosts and to no others, whatever it was sent to before;
   * resolves with what takes that back.
   */
  restrict(name: string, hosts: readonly string[], by: string, value: string): Promise<() => Promise<void>>
  /** Before a value is committed, encrypted, for this name: a copy of it under another name goes nowhere else. */
  claim(name: string, value: string): Promise<void>
  /** Where each secret may go that was sent somewhere, or was given places. */
  reaches(): Promise<ReadonlyMap<string, Reach>>
  /** Throws `invalid` when there is none that could be removed. Where it may go is forgotten with the last value of the name. */
  remove(name: string, by: string): Promise<void>
  /** `age1…`, what others encrypt for. */
  recipient(): Promise<string>
  /** Names whose value may be another one from now on. */
  subscribe(listener: (names: readonly string[]) => void): () => void
}

export interface Kept {
  readonly source: Source
  /** A nearer place that has the name too: its value is used. */
  readonly hiddenBy: Source | undefined
}

export interface SecretsDependencies {
  readonly stores: () => Promise<readonly SecretStore[]>
  /** Where `set` keeps what it is given. */
  readonly writable: () => Promise<WritableStore>
  readonly known: KnownSecrets
  /** Resolves when the access is written down; rejects when it cannot be, and then nobody gets the value. */
  readonly accessed: (name: string, purpose: string, value: string | undefined) => Promise<void>
  /** Resolves when it is written down that a value is about to be set or removed. */
  readonly recordChange: (action: 'secret.set' | 'secret.removed', name: string, by: string) => Promise<void>
  readonly bindings: Bindings
  readonly recipient: () => Promise<string>
  /** How a person calls the command line. */
  readonly command: string
}

/** Bytes of one value, as AWS Secrets Manager has it. */
export const largestSecret = 65_536

/** Every secret of the appliance, wherever it is kept. */
export function createSecrets(dependencies: SecretsDependencies): Secrets & { changed(names: readonly string[]): void } {
  const { known, accessed, recordChange, command } = dependencies
  const listeners = new Set<(names: readonly string[]) => void>()
  const stores = async () =>
    (await dependencies.stores()).toSorted((a, b) => sources.indexOf(a.source) - sources.indexOf(b.source))
  const changed = (names: readonly string[]) => {
    if (names.length > 0) for (const listener of listeners) listener(names)
  }

  const valueOnce =
    (mayGo: Bindings['check']): Secrets['value'] =>
    async (reference, purpose, to) => {
      const { name, field } = readReference(reference)
      const found = await firstOf(await stores(), name)
      // An empty one proves nothing, and whoever knows that can sign with it.
      const missing = async (what: string) => {
        await accessed(name, purpose, undefined)
        return new ApplianceError('waiting', `the secret ${name} is ${what}`, {
          hint: `${command} secret set ${name} reads it from standard input`,
        })
      }
      if (found === undefined) throw await missing('not set')
      const { value: whole, source } = found
      known.add(whole)
      const value = field === undefined ? whole : fieldOf(whole, name, field)
      if (value.trim() === '') throw await missing('empty')
      known.add(value)
      await mayGo({ name, to, purpose, value: whole, isCommitted: source === 'repository' })
      await accessed(name, purpose, value)
      return value
    }

  return {
    changed,
    value: valueOnce(dependencies.bindings.check),
    preview: valueOnce(dependencies.bindings.preview),
    async list() {
      const entries = new Map<string, SecretEntry>()
      const problems: StoreProblem[] = []
      for (const store of await stores()) {
        const found = await store.list().catch((error: unknown) => {
          problems.push({ source: store.source, message: explain(error) })
          return []
        })
        const message = store.problem?.()
        if (message !== undefined) problems.push({ source: store.source, message })
        for (const { name, changedAt } of found) {
          const nearer = entries.get(name)
          entries.set(
            name,
            nearer === undefined
              ? { name, source: store.source, changedAt, hidden: [] }
              : { ...nearer, hidden: [...nearer.hidden, store.source] },
          )
        }
      }
      return { secrets: [...entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)), problems }
    },
    recipient: dependencies.recipient,
    async set(name, value, by) {
      checkSecret(name, value)
      known.add(value)
      const store = await dependencies.writable()
      // Before: what throws has set nothing.
      const hiddenBy = await nearerThan(store, await stores(), name)
      await recordChange('secret.set', name, by)
      await store.set(name, value)
      changed([name])
      return { source: store.source, hiddenBy }
    },
    async remove(name, by) {
      checkedName(name)
      const store = await dependencies.writable()
      if (!(await store.list()).some(facts => facts.name === name)) throw await notRemovable(store, await stores(), name)
      await recordChange('secret.removed', name, by)
      if (!(await store.remove(name))) return
      // A store that does not answer may have it still.
      const isLeft = await firstOf(await stores(), name).then(
        found => found !== undefined,
        () => true,
      )
      if (!isLeft) await dependencies.bindings.forget(name)
      changed([name])
    },
    async allow(name, host, by) {
      // One that cannot be read now is refused again, and allowed then.
      const found = await firstOf(await stores(), checkedName(name)).catch(() => undefined)
      await dependencies.bindings.allow(name, host, by, found?.value)
      changed([name])
    },
    async restrict(name, hosts, by, value) {
      const undo = await dependencies.bindings.restrict(checkedName(name), hosts, by, value)
      changed([name])
      return undo
    },
    claim: (name, value) => dependencies.bindings.claim(checkedName(name), value),
    reaches: dependencies.bindings.list,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

async function firstOf(stores: readonly SecretStore[], name: string) {
  for (const store of stores) {
    const value = await store.get(name)
    if (value !== undefined) return { value, source: store.source }
  }
  return undefined
}

async function nearerThan(store: SecretStore, stores: readonly SecretStore[], name: string): Promise<Source | undefined> {
  for (const nearer of stores) {
    if (nearer.source === store.source) break
    if ((await nearer.get(name)) !== undefined) return nearer.source
  }
  return undefined
}

const elsewhere: Record<Source, string> = {
  environment: "it is in the appliance's environment: remove it there, and start the appliance again",
  home: 'it is in the home, and secrets are kept elsewhere now',
  repository: 'it is in secrets.age.yaml: remove it there with a commit',
  aws: 'it is in AWS Secrets Manager: delete it there',
}

async function notRemovable(store: SecretStore, stores: readonly SecretStore[], name: string): Promise<ApplianceError> {
  for (const other of stores) {
    if (other.source === store.source || (await other.get(name)) === undefined) continue
    return new ApplianceError('invalid', `${name} is not kept where it could be removed`, { hint: elsewhere[other.source] })
  }
  return new ApplianceError('invalid', `there is no secret ${name}`, { hint: 'the verb secret list names all' })
}

/** Throws `invalid` for what cannot be a secret; neither is repeated. */
export function checkSecret(name: string, value: string): void {
  checkedName(name)
  const refuse = (message: string, hint: string) => {
    throw new ApplianceError('invalid', message, { hint })
  }
  if (value.trim() === '') refuse('the value is empty', 'remove takes a secret away')
  if (Buffer.byteLength(value) > largestSecret)
    refuse(`the value is longer than ${largestSecret} bytes`, 'keep such a thing in a file')
  if (value.includes('\0') || !value.isWellFormed()) refuse('the value is no text', 'encode it, for example with base64')
}
