import type { Clock } from '../../runtime/os/clock.ts'
import type { Journal } from './journal.ts'
import type { Urgency } from './reconciler.ts'
import type { EngineEvent, ResourceState, ResourceStatus } from './status.ts'

export interface Standing {
  readonly state: ResourceState
  readonly reason: string
  readonly message: string
  /** The commit at which it was verified; undefined keeps the last one. */
  readonly revision?: string
}

/** How every resource stands, in memory, written through to the journal by `flush`. */
export type Board = ReturnType<typeof createBoard>

export function createBoard(
  journal: Journal,
  clock: Clock,
  emit: (event: EngineEvent) => void,
  redact: (text: string) => string,
  initial: readonly ResourceStatus[],
) {
  const statuses = new Map(initial.map(status => [`${status.kind}/${status.key}`, status]))
  const places = new Map<string, ReadonlyMap<string, number>>()
  const urgent = new Map<string, ReadonlyMap<string, Urgency>>()
  const place = ({ kind, key }: ResourceStatus) => places.get(kind)?.get(key) ?? Number.MAX_SAFE_INTEGER
  let changed = new Map<string, ResourceStatus>()
  let removed = new Map<string, { kind: string; key: string }>()

  return {
    /** By kind, and within it in the order of its declaration. */
    list: (): ResourceStatus[] =>
      [...statuses.values()].sort((a, b) =>
        a.kind === b.kind ? place(a) - place(b) || compare(a.key, b.key) : compare(a.kind, b.kind),
      ),

    /** The order in which a kind declares its resources. */
    arrange(kind: string, keys: Iterable<string>): void {
      places.set(kind, new Map([...keys].map((key, index) => [key, index])))
    },

    /** What is urgent of a kind from now on; it is said of each as soon as that is set, unless it is ready. */
    urge(kind: string, urgencies: ReadonlyMap<string, Urgency>): void {
      urgent.set(kind, urgencies)
    },

    get: (kind: string, key: string) => statuses.get(`${kind}/${key}`),

    keys: (kind: string): string[] => [...statuses.values()].filter(status => status.kind === kind).map(status => status.key),

    every: (test: (status: ResourceStatus) => boolean) => [...statuses.values()].every(test),

    set(kind: string, key: string, told: Standing): void {
      const said = told.state === 'ready' ? told : loudly(told, urgent.get(kind)?.get(key))
      const standing = { ...said, message: redact(said.message) }
      const id = `${kind}/${key}`
      const old = statuses.get(id)
      const revision = standing.revision ?? old?.revision ?? ''
      if (
        old?.state === standing.state &&
        old.reason === standing.reason &&
        old.message === standing.message &&
        old.revision === revision
      )
        return
      const since = old?.state === standing.state ? old.since : clock.now().toISOString()
      const status = { kind, key, state: standing.state, reason: standing.reason, message: standing.message, revision, since }
      statuses.set(id, status)
      changed.set(id, status)
      removed.delete(id)
      emit({ type: 'status', resource: status })
    },

    remove(kind: string, key: string): void {
      const id = `${kind}/${key}`
      if (!statuses.delete(id)) return
      changed.delete(id)
      removed.set(id, { kind, key })
      emit({ type: 'removed', kind, key })
    },

    /** Writes what changed since the last flush; what could not be written stays for the next. */
    async flush(): Promise<void> {
      if (changed.size === 0 && removed.size === 0) return
      const [changing, removing] = [changed, removed]
      changed = new Map()
      removed = new Map()
      try {
        await journal.saveStatuses([...changing.values()], [...removing.values()])
      } catch (error) {
        changed = new Map([...changing, ...changed])
        removed = new Map([...removing, ...removed])
        for (const id of statuses.keys()) removed.delete(id)
        throw error
      }
    },
  }
}

const loudly = (told: Standing, urgency: Urgency | undefined): Standing =>
  urgency === undefined ? told : { ...told, reason: urgency.reason, message: `${urgency.message}: ${told.message}` }

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
