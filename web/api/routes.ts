import { z } from 'zod'
import type { CommitResult, Repository } from '../../desired-state/repository.ts'
import { renderMistake } from '../../desired-state/state.ts'
import type { Engine } from '../../reconcilers/engine/status.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { ServiceStatus } from '../../runtime/services/service.ts'
import { json, readJson } from '../door/answer.ts'
import { nameOf } from '../door/door.ts'
import type { Call, Identity, RateLimit, Role, Route } from '../door/route.ts'
import { parseDuration } from './duration.ts'

export interface ApiDependencies {
  readonly engine: Engine
  readonly repository: Repository
  readonly clock: Clock
  readonly services: () => readonly ServiceStatus[]
}

const people: readonly Role[] = ['operator', 'person']
const everybody: readonly Role[] = ['operator', 'person', 'agent']
const reading: RateLimit = { requests: 600, seconds: 60 }
const writing: RateLimit = { requests: 60, seconds: 60 }

const suspendBody = z.strictObject({
  kind: z.string().min(1),
  key: z.string().min(1),
  for: z.string(),
  reason: z.string().min(1).max(500),
})
const resumeBody = z.strictObject({ kind: z.string().min(1), key: z.string().min(1) })

/** What the command line and programs call; each answers JSON. */
export function createApiRoutes(dependencies: ApiDependencies): readonly Route[] {
  const { engine, repository, clock } = dependencies
  const read = (path: string, policy: readonly Role[], handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    policy,
    rateLimit: reading,
    audit: false,
    handle,
  })
  const write = (path: string, audit: string, handle: Route['handle']): Route => ({
    method: 'POST',
    path,
    policy: people,
    rateLimit: writing,
    audit,
    handle,
  })

  return [
    read('/api/status', everybody, () => json(engine.status())),
    read('/api/services', people, () => json(dependencies.services())),
    read('/api/holds', people, () => json(engine.holds())),
    read('/api/suspensions', people, () => json(engine.suspensions())),
    read('/api/runs/:kind/:key', everybody, async ({ params }) => json(await engine.runs(params.kind ?? '', params.key ?? ''))),
    read('/api/plan', everybody, async ({ url }) => {
      const revision = await known(repository, url.searchParams.get('revision') ?? 'main')
      const result = await repository.read(revision)
      if (!result.ok) return json({ error: 'invalid', mistakes: result.mistakes }, 422)
      return json(await engine.plan(result.state))
    }),
    read('/api/history', everybody, async ({ url }) => {
      const limit = Math.min(Math.max(Number(url.searchParams.get('limit') ?? 20) || 20, 1), 500)
      return json(await repository.history(limit))
    }),
    read('/api/wait', people, call => waitFor(dependencies, call)),
    write('/api/approve/:id', 'hold.approved', async ({ params, identity }) => {
      const id = params.id ?? ''
      if (await engine.approve(id, nameOf(identity))) return json({ approved: id })
      throw new ApplianceError('invalid', `nothing is held under ${id}`, {
        hint: 'the verb status lists what is held; an approval serves once',
      })
    }),
    write('/api/suspend', 'resource.suspended', async ({ request, identity }) => {
      const body = await readJson(request, suspendBody)
      if (engine.resource(body.kind, body.key) === undefined) throw unknownResource(body.kind, body.key)
      const until = new Date(clock.now().getTime() + parseDuration(body.for)).toISOString()
      const suspension = { kind: body.kind, key: body.key, reason: body.reason, owner: nameOf(identity), until }
      await engine.suspend(suspension)
      return json(suspension)
    }),
    write('/api/resume', 'resource.resumed', async ({ request }) => {
      const { kind, key } = await readJson(request, resumeBody)
      if (await engine.resume(kind, key)) return json({ resumed: `${kind}/${key}` })
      throw new ApplianceError('invalid', `${kind}/${key} is not suspended`)
    }),
    write('/api/rollback', 'state.rolled-back', async ({ request, identity }) => {
      const { revision } = await readJson(request, z.strictObject({ revision: z.string().min(1) }))
      return rollback(repository, engine, await known(repository, revision), identity)
    }),
  ]
}

async function known(repository: Repository, name: string): Promise<string> {
  const revision = await repository.resolve(name)
  if (revision === undefined)
    throw new ApplianceError('invalid', `no commit is called ${JSON.stringify(name)}`, { hint: 'the verb history lists them' })
  return revision
}

const unknownResource = (kind: string, key: string) =>
  new ApplianceError('invalid', `there is no ${kind} called ${key}`, { hint: 'the verb status lists every KIND/KEY' })

/** Answers when the commit is converged, when what is left needs a person, or when the time is up. */
async function waitFor({ engine, repository, clock }: ApiDependencies, { url, request, keepOpen }: Call): Promise<Response> {
  keepOpen()
  const revision = await known(repository, url.searchParams.get('revision') ?? 'main')
  const asked = Number(url.searchParams.get('timeout') ?? 60)
  const seconds = Math.min(Math.max(Number.isNaN(asked) ? 60 : asked, 0), 3_600)
  const end = AbortSignal.any([request.signal, AbortSignal.timeout(seconds * 1_000)])
  const startedAt = clock.now().getTime()
  const reached = () => ({ milliseconds: clock.now().getTime() - startedAt, ...engine.status() })
  const stuck = () => engine.status().resources.some(resource => resource.state === 'held' || resource.state === 'stalled')
  try {
    await engine.settled(revision, end)
    while (!engine.status().converged && !stuck()) await nextEvent(engine, end)
  } catch (error) {
    if (!end.aborted) throw error
  }
  return json(reached())
}

function nextEvent(engine: Engine, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      stop()
      reject(signal.reason)
    }
    const stop = engine.subscribe(() => {
      stop()
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

async function rollback(repository: Repository, engine: Engine, revision: string, identity: Identity): Promise<Response> {
  const head = await repository.head()
  if (head === undefined) throw new ApplianceError('invalid', 'there is no commit yet')
  const commit = await repository.commit(revision)
  const author = authorOf(identity)
  const message = `Roll back to ${revision.slice(0, 8)}${commit === undefined ? '' : `: ${commit.subject}`}`
  const result = await repository.restore(head, revision, author, message)
  if (result.outcome === 'committed') engine.moved()
  return commitAnswer(result)
}

export function commitAnswer(result: CommitResult): Response {
  switch (result.outcome) {
    case 'committed':
      return json({ revision: result.revision })
    case 'unchanged':
      return json({ unchanged: true })
    case 'refused':
      return json({ error: 'invalid', message: result.mistakes.map(renderMistake).join('\n'), mistakes: result.mistakes }, 422)
    case 'conflict':
      return json(
        { error: 'conflict', message: `main has moved to ${result.head.slice(0, 8)} meanwhile; look again and repeat` },
        409,
      )
  }
}

/** Who a commit made through the door is by. */
export function authorOf(identity: Identity): { name: string; email: string } {
  if (identity.kind === 'person') return { name: identity.name, email: identity.email }
  const name = identity.kind === 'anonymous' ? 'anonymous' : identity.name
  return { name, email: `${name}@ai-infrastructure.invalid` }
}
