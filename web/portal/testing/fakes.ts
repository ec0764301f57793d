import type { CommitResult, CommitSummary, Repository } from '../../../desired-state/repository.ts'
import type { ParseResult } from '../../../desired-state/state.ts'
import type {
  Engine,
  EngineEvent,
  Hold,
  ResourceStatus,
  RevisionPlan,
  Run,
  Status,
  Suspension,
} from '../../../reconcilers/engine/status.ts'
import { textDiff } from '../domains/text-diff.ts'

/** An engine whose state a test writes down; what it is asked to do is kept. */
export interface FakeEngine extends Engine {
  put(resource: ResourceStatus): void
  remove(kind: string, key: string): void
  hold(hold: Hold): void
  emit(event: EngineEvent): void
  set(status: Partial<Pick<Status, 'revision' | 'desired' | 'converged'>>): void
  addRun(run: Run): void
  planned: RevisionPlan
  readonly asked: string[]
}

export function fakeEngine(): FakeEngine {
  const resources = new Map<string, ResourceStatus>()
  const runs: Run[] = []
  const asked: string[] = []
  const listeners = new Set<(event: EngineEvent) => void>()
  let holds: readonly Hold[] = []
  let suspensions: readonly Suspension[] = []
  let facts = { revision: '', desired: '', converged: false }
  const emit = (event: EngineEvent) => {
    for (const listener of listeners) listener(event)
  }
  const engine: FakeEngine = {
    asked,
    planned: { revision: '', digest: 'd1'.repeat(32), changes: [], holds: [], unseen: [], leftAlone: [], waits: [] },
    emit,
    set: status => {
      facts = { ...facts, ...status }
    },
    put(resource) {
      resources.set(`${resource.kind}/${resource.key}`, resource)
      emit({ type: 'status', resource })
    },
    remove(kind, key) {
      resources.delete(`${kind}/${key}`)
      emit({ type: 'removed', kind, key })
    },
    hold(hold) {
      holds = [...holds, hold]
      emit({ type: 'held', hold })
    },
    addRun: run => runs.push(run),
    status: () => ({ ...facts, resources: [...resources.values()] }),
    resource: (kind, key) => resources.get(`${kind}/${key}`),
    runs: async (kind, key) => runs.filter(run => run.kind === kind && run.key === key).slice(0, 50),
    plan: async () => engine.planned,
    holds: () => holds,
    async approve(id, by, digest) {
      asked.push(`approve ${id} by ${by}`)
      const hold = holds.find(each => each.id === id)
      if (hold && digest !== undefined && digest !== hold.digest) return { outcome: 'replaced', message: 'not that', hint: '' }
      holds = holds.filter(each => each.id !== id)
      if (hold === undefined) return { outcome: 'already-approved', message: `nothing is held under ${id}`, hint: '' }
      return { outcome: 'approved', hold }
    },
    suspensions: () => suspensions,
    async suspend(suspension) {
      asked.push(`suspend ${suspension.kind}/${suspension.key} until ${suspension.until}: ${suspension.reason}`)
      suspensions = [...suspensions, suspension]
      const old = engine.resource(suspension.kind, suspension.key)
      if (old) engine.put({ ...old, state: 'suspended', reason: 'suspended', message: suspension.reason })
    },
    async resume(kind, key) {
      asked.push(`resume ${kind}/${key}`)
      suspensions = suspensions.filter(each => each.kind !== kind || each.key !== key)
      return true
    },
    moved: () => {
      asked.push('moved')
    },
    wake: () => {},
    settled: async () => engine.status(),
    story: () => ({ since: undefined, events: [] }),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return engine
}

export interface FakeRepository extends Repository {
  /** Adds a commit on top of main. */
  add(summary: Partial<CommitSummary> & { readonly revision: string }, files: Record<string, string>, diff: string): void
}

/** Commits in memory, newest last. `parse` reads the edited files as the real one would. */
export function fakeRepository(parse: (files: ReadonlyMap<string, string>) => ParseResult): FakeRepository {
  type Stored = { summary: CommitSummary; files: ReadonlyMap<string, string>; diff: string }
  const commits: Stored[] = []
  const at = (revision: string) => commits.find(each => each.summary.revision === revision)
  const head = () => commits.at(-1)
  const edited = (base: string, edits: ReadonlyMap<string, string | null>) => {
    const files = new Map(at(base)?.files)
    for (const [path, text] of edits) {
      if (text === null) files.delete(path)
      else files.set(path, text)
    }
    return files
  }
  const write = (
    base: string,
    files: ReadonlyMap<string, string>,
    author: CommitSummary['author'],
    message: string,
  ): CommitResult => {
    const current = head()?.summary.revision ?? ''
    if (current !== base) return { outcome: 'conflict', head: current }
    const parsed = parse(files)
    if (!parsed.ok) return { outcome: 'refused', mistakes: parsed.mistakes }
    const revision = Bun.SHA1.hash(`${base}${message}${JSON.stringify([...files])}`, 'hex')
    const date = new Date().toISOString()
    const [subject = '', ...body] = message.split('\n')
    const summary = { revision, parents: [base], author, date, subject, body: body.join('\n').trim() }
    commits.push({ summary, files, diff: '' })
    return { outcome: 'committed', revision }
  }
  const read = async (revision: string): Promise<ParseResult> => {
    const parsed = parse(at(revision)?.files ?? new Map())
    return parsed.ok ? { ok: true, state: { ...parsed.state, revision } } : parsed
  }
  return {
    add(summary, files, diff) {
      const parent = head()?.summary.revision
      const whole: CommitSummary = {
        parents: parent === undefined ? [] : [parent],
        author: { name: 'Ada', email: 'ada@example.com' },
        date: new Date().toISOString(),
        subject: 'a change',
        body: '',
        ...summary,
      }
      commits.push({ summary: whole, files: new Map(Object.entries(files)), diff })
    },
    head: async () => head()?.summary.revision,
    resolve: async name => commits.find(each => each.summary.revision.startsWith(name))?.summary.revision,
    read,
    file: async (revision, path) => at(revision)?.files.get(path),
    async history(limit, before) {
      const newest = commits.map(each => each.summary).reverse()
      const from = before === undefined ? 0 : newest.findIndex(each => each.revision === before) + 1
      return newest.slice(from, from + limit)
    },
    commit: async revision => at(revision)?.summary,
    diff: async revision => at(revision)?.diff ?? '',
    async compare(from, to) {
      const [before, after] = [at(from)?.files, at(to)?.files]
      const paths = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort()
      return paths
        .map(path => textDiff(path, before?.get(path) ?? '', after?.get(path) ?? ''))
        .filter(Boolean)
        .join('\n')
    },
    isAncestor: async (ancestor, revision) => {
      const order = commits.map(each => each.summary.revision)
      return order.includes(ancestor) && order.indexOf(ancestor) <= order.indexOf(revision)
    },
    signers: async () => [],
    unsigned: async () => [],
    preview: async (base, edits) => parse(edited(base, edits)),
    edit: async (base, edits, author, message) => write(base, edited(base, edits), author, message),
    restore: async (base, revision, author, message) => write(base, at(revision)?.files ?? new Map(), author, message),
  }
}
