import type { DesiredState, ParseResult } from '../../../desired-state/state.ts'
import { createDefer } from '../../../runtime/os/testing/defer.ts'
import type { TestStore } from '../../../runtime/store/testing/postgres.ts'
import type { Change, Plan, Reconciler, Urgency } from '../reconciler.ts'

/** Nothing that an engine has written down is left. */
export const emptyTables = (store: TestStore['store']) =>
  store`TRUNCATE kind_target, verified_revision, resource_status, run, step, retry, held_commit, suspension`

export interface Thing {
  readonly value: string
  readonly adjustable?: string
}

export interface ThingAction {
  readonly value: string | undefined
}

/**
 * A world of named values in memory, which can refuse, lie, wait and be changed by hand. Every name is a thing; of another
 * kind are the names that begin with it: `site/a`.
 */
export function createWorld(kind = 'thing') {
  const things = new Map<string, string>()
  const broken = new Map<string, Error>()
  const ignored = new Set<string>()
  const spreading = new Set<string>()
  const urgent = new Map<string, Urgency>()
  const gates = new Map<string, ReturnType<typeof createDefer>>()
  const applied: string[] = []
  let blind: Error | undefined
  let wake: ((reason: string) => void) | undefined

  const reconciler: Reconciler<Thing, ReadonlyMap<string, string>, ThingAction> = {
    kind,
    after: [],
    select: state => thingsOf(state, kind),
    async observe() {
      if (blind !== undefined) throw blind
      return new Map(things)
    },
    plan(desired, observed): Plan<ThingAction> {
      const changes: Change<ThingAction>[] = []
      const change = (key: string, operation: Change<ThingAction>['operation'], value: string | undefined) =>
        changes.push({ kind, key, operation, summary: `${operation} ${key}`, fields: [], action: { value } })
      for (const [key, thing] of desired) {
        if (!observed.has(key)) change(key, 'create', thing.value)
        else if (observed.get(key) !== thing.value) change(key, 'update', thing.value)
      }
      for (const key of observed.keys()) if (!desired.has(key)) change(key, 'delete', undefined)
      const obstacles = [...spreading].map(key => ({
        key,
        state: 'reconciling' as const,
        reason: 'spreading',
        message: 'on its way',
      }))
      return { changes, obstacles: changes.length > 0 ? [] : obstacles, urgent }
    },
    async apply({ key, action }, { signal, step, progress }) {
      await step(`before ${key}`)
      const gate = gates.get(key)
      if (gate !== undefined) {
        progress(key, 'waiting at the gate')
        await Promise.race([gate.promise, aborted(signal)])
      }
      const error = broken.get(key)
      if (error !== undefined) throw error
      applied.push(key)
      if (!ignored.has(key)) {
        if (action.value === undefined) things.delete(key)
        else things.set(key, action.value)
      }
      await step(`after ${key}`)
    },
    weigh: (before, after) => (before.value === after.value ? 'adjust' : 'redefine'),
    precious: thing => thing.value === 'precious',
    watch(onChange) {
      wake = onChange
      return () => {
        wake = undefined
      }
    },
  }

  return {
    reconciler,
    things,
    applied,
    break: (key: string, error: Error) => broken.set(key, error),
    mend: (key: string) => broken.delete(key),
    /** Keys that are done here, and not everywhere yet. */
    spreading,
    /** What the next look finds urgent. */
    urgent,
    ignore: (key: string) => ignored.add(key),
    close: (key: string) => gates.set(key, createDefer()),
    open: (key: string) => gates.get(key)?.resolve(),
    blind: (error: Error | undefined) => {
      blind = error
    },
    wake: () => wake?.('test'),
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** Things are declared as TELOS files of the state: the engine itself never looks at what a state holds. */
const thingsOf = (state: DesiredState, kind: string): ReadonlyMap<string, Thing> =>
  new Map(
    [...state.telos]
      .filter(([key]) => kind === 'thing' || key.startsWith(`${kind}/`))
      .map(([key, text]) => [key, { value: text.split('|')[0] ?? '', adjustable: text.split('|')[1] ?? '' }]),
  )

/** A line of commits in memory. */
export function createHistory() {
  const commits: (DesiredState | { readonly revision: string })[] = []
  const at = (revision: string): DesiredState | undefined =>
    commits.find((commit): commit is DesiredState => commit.revision === revision && 'domains' in commit)
  return {
    commit(things: Readonly<Record<string, string>>): string {
      const revision = String(commits.length + 1).padStart(40, '0')
      commits.push({
        revision,
        agents: new Map(),
        domains: new Map(),
        secrets: { recipients: new Map(), values: new Map() },
        databases: new Map(),
        ...{ backups: new Map(), gitBackups: new Map() },
        telos: new Map(Object.entries(things)),
        settings: {
          tls: 'none',
          agent_model: 'claude',
          agent_max_tokens: 4096,
          session_timeout_minutes: 60,
          search_provider: 'none',
          ...{ certificate_issuer: 'letsencrypt', certificate_issuer_ca: '', certificate_email: '', public_addresses: [] },
          secret_store: 'age',
          ...{ auto_backup_enabled: true, backup_schedule: '0 2 * * *', backup_retention_days: 30, backup_to_github: true },
          look_interval_seconds: 3600,
        },
      })
      return revision
    },
    /** A commit that the parser refuses. */
    commitUnreadable(): string {
      const revision = String(commits.length + 1).padStart(40, '0')
      commits.push({ revision })
      return revision
    },
    at,
    last: (): DesiredState | undefined => at(commits.at(-1)?.revision ?? ''),
    /** Forgets the newest commit. */
    back: () => void commits.pop(),
    repository: {
      head: async () => commits.at(-1)?.revision,
      read: async (revision: string): Promise<ParseResult> => {
        const state = at(revision)
        const mistake = { file: 'agents.yaml', line: 1, column: 1, message: 'unknown key' }
        return state === undefined ? { ok: false, mistakes: [mistake] } : { ok: true, state }
      },
      isAncestor: async (ancestor: string, revision: string) => ancestor <= revision,
    },
  }
}
