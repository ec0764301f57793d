/** @jsxImportSource hono/jsx */
import type { CommitSummary } from '../../../desired-state/repository.ts'
import { type Mistake, renderMistake } from '../../../desired-state/state.ts'
import type { ResourceState, ResourceStatus } from '../../../reconcilers/engine/status.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { authorOf } from '../../api/author.ts'
import type { Call, Route } from '../../door/route.ts'
import { ReviewPage } from '../components/review.tsx'
import { short } from '../components/time.tsx'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { noticeOf } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { declaredChanges } from './declared.ts'
import {
  ChangePage,
  ChangesPage,
  type ChangesView,
  type ChangeView,
  changeRegions,
  changesRegions,
  type Effect,
  type Standing,
} from './pages.tsx'

const perPage = 50
/** Resources of one commit whose runs are looked up. */
const mostEffects = 100

export function changeRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  return [
    {
      ...reads,
      path: urls.changes.path,
      handle: async call => page(<ChangesPage view={await listOf(call, deps)} notice={noticeOf(call)} />),
    },
    {
      ...reads,
      path: urls.changesLive.path,
      handle: call => {
        const regions = async () => changesRegions(await listOf(call, deps))
        return liveStream(call, { regions, subscribe: changed => subscribe(deps, changed) }, deps)
      },
    },
    {
      ...reads,
      path: urls.change.path,
      handle: async call => {
        const view = await viewOf(call, deps)
        return view === undefined ? gone(call, deps) : page(<ChangePage view={view} />)
      },
    },
    {
      ...reads,
      path: urls.changeLive.path,
      handle: async call => {
        if ((await viewOf(call, deps)) === undefined) return gone(call, deps)
        const regions = async () => {
          const view = await viewOf(call, deps)
          return view === undefined ? [] : changeRegions(view)
        }
        return liveStream(call, { regions, subscribe: deps.engine.subscribe }, deps)
      },
    },
    { ...reads, path: urls.changeRestore.path, handle: call => review(call, deps, undefined) },
    {
      method: 'POST',
      path: urls.changeRestore.path,
      policy: ['person'],
      rateLimit: { requests: 30, seconds: 60 },
      audit: 'rollback',
      handle: call => restore(call, deps),
    },
  ]
}

const gone = (call: Call, deps: PortalDeps) => missing(call, deps, 'No commit on main has this name.')

/** A commit moves the engine, and the mirror says when it stands otherwise. */
function subscribe(deps: PortalDeps, changed: () => void): () => void {
  const stops = [subscribeToFrame(deps, changed), deps.upstream.subscribe(changed)]
  return () => {
    for (const stop of stops) stop()
  }
}

async function listOf(call: Call, deps: PortalDeps): Promise<ChangesView> {
  const after = call.url.searchParams.get('before') ?? undefined
  const commits = await deps.repository.history(perPage + 1, after)
  const shown = commits.slice(0, perPage)
  const past = await pastOf(after, deps)
  const standings = await Promise.all(shown.map(({ revision }) => standingOf(revision, deps, past)))
  return {
    frame: frameOf(call, deps),
    after,
    commits: shown.map((commit, at) => ({ commit, standing: standings[at] ?? 'past' })),
    before: commits.length > perPage ? shown.at(-1)?.revision : undefined,
    cloneCommand: deps.place.cloneCommand,
    upstream: await deps.upstream.standing(),
    now: deps.clock.now(),
  }
}

/** Whether the server has been this commit. */
type IsPast = (revision: string) => boolean | Promise<boolean>

/**
 * The same for all commits of one page, which a stream asks for again and again: on the first page they are among as many of
 * the newest that the server was, and what is older than a commit that it was, it was as well.
 */
async function pastOf(after: string | undefined, { engine, repository }: PortalDeps): Promise<IsPast> {
  const { revision: applied } = engine.status()
  const isPast = (revision: string) => repository.isAncestor(revision, applied)
  if (applied === '') return () => false
  if (after !== undefined) return (await isPast(after)) ? () => true : isPast
  const known = new Set((await repository.history(perPage, applied)).map(({ revision }) => revision))
  return revision => known.has(revision) || isPast(revision)
}

async function standingOf(revision: string, { engine, repository }: PortalDeps, isPast?: IsPast): Promise<Standing> {
  const status = engine.status()
  if (engine.holds().some(hold => hold.revision === revision)) return 'held'
  if (revision === status.revision) return 'applied'
  if (revision === status.desired) return standingOfMain(status.resources)
  if (status.revision === '') return 'ahead'
  return (await (isPast?.(revision) ?? repository.isAncestor(revision, status.revision))) ? 'past' : 'ahead'
}

/** Main is being applied until nothing of it moves any more; then the worst of what is left says how it stands. */
function standingOfMain(resources: readonly ResourceStatus[]): Standing {
  const some = (...states: readonly ResourceState[]) => resources.some(({ state }) => states.includes(state))
  if (some('reconciling')) return 'applying'
  if (some('failed', 'stalled')) return 'failed'
  return some('waiting') ? 'waiting' : 'applying'
}

async function viewOf(call: Call, deps: PortalDeps): Promise<ChangeView | undefined> {
  const commit = await commitOf(call, deps)
  if (commit === undefined) return undefined
  const { repository } = deps
  const [effects, diff, head, standing] = await Promise.all([
    effectsOf(commit, deps),
    repository.diff(commit.revision),
    repository.head(),
    standingOf(commit.revision, deps),
  ])
  const isHead = head === commit.revision
  return { frame: frameOf(call, deps), commit, standing, effects, diff, isHead, now: deps.clock.now() }
}

async function commitOf(call: Call, { repository }: PortalDeps): Promise<CommitSummary | undefined> {
  const name = call.params.revision ?? ''
  const revision = /^[0-9a-f]{4,40}$/.test(name) ? await repository.resolve(name) : undefined
  return revision === undefined ? undefined : repository.commit(revision)
}

async function effectsOf(
  { revision, parents: [parent] }: CommitSummary,
  { repository, engine }: PortalDeps,
): Promise<readonly Effect[]> {
  const after = await repository.read(revision)
  const before = parent === undefined ? undefined : await repository.read(parent)
  if (!after.ok) return []
  const declared = declaredChanges(before?.ok ? before.state : undefined, after.state).slice(0, mostEffects)
  return Promise.all(
    declared.map(async each => {
      const runs = await engine.runs(each.kind, each.key)
      return { ...each, run: runs.find(run => run.revision === revision) }
    }),
  )
}

async function review(call: Call, deps: PortalDeps, again: string | undefined): Promise<Response> {
  const { repository, engine } = deps
  const commit = await commitOf(call, deps)
  const head = await repository.head()
  if (commit === undefined || head === undefined) return gone(call, deps)
  const parsed = await repository.read(commit.revision)
  if (!parsed.ok) throw refusedBy(parsed.mistakes)
  const plan = await engine.plan(parsed.state)
  const view = {
    frame: frameOf(call, deps),
    room: 'changes' as const,
    up: { label: 'changes', to: urls.changes.to() },
    title: `Go back to ${short(commit.revision)}: ${commit.subject}`,
    plan,
    diff: await repository.compare(head, commit.revision),
    again,
    action: urls.changeRestore.to(commit.revision),
    hidden: { base: head, digest: plan.digest },
    decision: 'Commit and apply',
    destructive: false,
    back: urls.change.to(commit.revision),
  }
  return page(<ReviewPage {...view} />, again === undefined ? 200 : 409)
}

const refusedBy = (mistakes: readonly Mistake[]) =>
  new ApplianceError('invalid', `that state is not valid any more: ${mistakes.map(renderMistake).join('; ')}`)

async function restore(call: Call, deps: PortalDeps): Promise<Response> {
  const { repository, engine } = deps
  const posted = await readForm(call.request)
  const commit = await commitOf(call, deps)
  const head = await repository.head()
  if (commit === undefined || head === undefined) return gone(call, deps)
  const parsed = await repository.read(commit.revision)
  if (!parsed.ok) throw refusedBy(parsed.mistakes)
  const plan = await engine.plan(parsed.state)
  const moved = 'Main or the server has changed since this plan was made. This is the plan now: look at it again.'
  if (head !== posted.get('base') || plan.digest !== posted.get('digest')) return review(call, deps, moved)
  const message = `Roll back to ${commit.revision.slice(0, 8)}: ${commit.subject}`
  const result = await repository.restore(head, commit.revision, authorOf(call.identity), message)
  switch (result.outcome) {
    case 'committed':
      engine.moved()
      return seeOther(urls.change.to(result.revision))
    case 'unchanged':
      return seeOther(urls.changes.to())
    case 'refused':
      throw refusedBy(result.mistakes)
    case 'conflict':
      return review(call, deps, moved)
  }
}
