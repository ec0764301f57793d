import { z } from 'zod'
import type { CommitResult, Repository } from '../../desired-state/repository.ts'
import { renderMistake } from '../../desired-state/state.ts'
import type { Engine } from '../../reconcilers/engine/status.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { ServiceStatus } from '../../runtime/services/service.ts'
import { json } from '../door/answer.ts'
import { nameOf } from '../door/door.ts'
import type { Identity } from '../door/route.ts'
import { approveHold } from './approve-hold.ts'
import { authorOf } from './author.ts'
import { type DocumentedRoute, everybody, limitOf, people, reads, writes } from './define.ts'
import { parseDuration } from './duration.ts'
import * as shapes from './shapes/engine.ts'
import { waitFor } from './wait.ts'

export interface EngineApiDeps {
  readonly engine: Engine
  readonly repository: Repository
  readonly clock: Clock
  readonly services: () => readonly ServiceStatus[]
}

const tag = 'server'
const revisionQuery = z.object({ revision: z.string().min(1).default('main').describe('Anything that names a commit') })
const waitQuery = revisionQuery.extend({ timeout: z.coerce.number().catch(60).default(60).describe('Seconds, at most 3600') })
const resourceBody = z.strictObject({ kind: z.string().min(1), key: z.string().min(1) })
const suspendBody = resourceBody.extend({
  for: z.string().describe('30m, 2h, 7d; at most a year'),
  reason: z.string().min(1).max(500),
})

/** How the server stands against what is declared, and what a person may do about it. */
export const engineRoutes = (deps: EngineApiDeps): readonly DocumentedRoute[] => [...reading(deps), ...governing(deps)]

function reading(deps: EngineApiDeps): readonly DocumentedRoute[] {
  const { engine, repository } = deps
  const { list } = shapes
  return [
    reads({
      ...{ path: '/api/status', policy: everybody, tag, answer: shapes.status },
      summary: 'How every resource stands',
      handle: () => engine.status(),
    }),
    reads({
      ...{ path: '/api/services', policy: people, tag, answer: list(shapes.service) },
      summary: 'Postgres, Redis, nginx and tmux',
      handle: () => deps.services(),
    }),
    reads({
      ...{ path: '/api/holds', policy: people, tag, answer: list(shapes.hold) },
      summary: 'The commit that waits for one approval; at most one',
      handle: () => engine.holds(),
    }),
    reads({
      ...{ path: '/api/suspensions', policy: people, tag, answer: list(shapes.suspension) },
      summary: 'Resources that are left alone for a while',
      handle: () => engine.suspensions(),
    }),
    reads({
      ...{ path: '/api/runs/:kind/:key', policy: everybody, tag, answer: list(shapes.run) },
      summary: 'The last 50 convergences of a resource',
      handle: ({ param }) => engine.runs(param('kind'), param('key')),
    }),
    reads({
      ...{ path: '/api/plan', policy: everybody, tag, query: revisionQuery, answer: shapes.plan },
      summary: 'What converging to a commit would do now; changes nothing',
      async handle({ query }) {
        const result = await repository.read(await known(repository, query.revision))
        if (!result.ok) return json({ error: 'invalid', mistakes: result.mistakes }, 422)
        return engine.plan(result.state)
      },
    }),
    reads({
      ...{ path: '/api/history', policy: everybody, tag, answer: list(shapes.commit) },
      query: z.object({ limit: limitOf(20, 500) }),
      summary: 'Commits of the desired state, newest first',
      handle: ({ query }) => repository.history(query.limit),
    }),
    reads({
      ...{ path: '/api/wait', policy: people, tag, query: waitQuery, answer: shapes.waited },
      summary: 'Answers when a commit is converged, when what is left needs a person, or when the time is up',
      handle: async ({ query, call }) => waitFor(deps, await known(repository, query.revision), query.timeout, call),
    }),
  ]
}

function governing({ engine, repository, clock }: EngineApiDeps): readonly DocumentedRoute[] {
  return [
    writes({
      ...{ path: '/api/approve/:id', policy: people, audit: 'hold.approved', tag, answer: shapes.approved },
      summary: 'Let a held commit through, once, in every kind',
      async handle({ param, call }) {
        const id = param('id')
        const approval = await approveHold(engine, id, call)
        if (approval.outcome !== 'approved') throw new ApplianceError('invalid', approval.message, { hint: approval.hint })
        const { revision, kinds } = approval.hold
        const named = kinds.map(({ kind, changes }) => ({
          kind,
          changes: changes.map(({ key, operation }) => ({ key, operation })),
        }))
        return { approved: id, revision, kinds: named }
      },
    }),
    writes({
      ...{ path: '/api/suspend', policy: people, audit: 'resource.suspended', tag, answer: shapes.suspension },
      body: suspendBody,
      summary: 'Leave a resource alone for a while',
      async handle({ body, call }) {
        if (engine.resource(body.kind, body.key) === undefined) throw unknownResource(body.kind, body.key)
        const until = new Date(clock.now().getTime() + parseDuration(body.for)).toISOString()
        const suspension = { kind: body.kind, key: body.key, reason: body.reason, owner: nameOf(call.identity), until }
        await engine.suspend(suspension)
        return suspension
      },
    }),
    writes({
      ...{ path: '/api/resume', policy: people, audit: 'resource.resumed', tag, answer: z.object({ resumed: z.string() }) },
      body: resourceBody,
      summary: 'End a suspension',
      async handle({ body: { kind, key } }) {
        if (await engine.resume(kind, key)) return { resumed: `${kind}/${key}` }
        throw new ApplianceError('invalid', `${kind}/${key} is not suspended`)
      },
    }),
    writes({
      ...{ path: '/api/rollback', policy: people, audit: 'state.rolled-back', tag, answer: shapes.committed },
      body: z.strictObject({ revision: z.string().min(1) }),
      summary: 'One new commit with the content of an earlier one',
      handle: async ({ body, call }) => rollback(repository, engine, await known(repository, body.revision), call.identity),
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

function commitAnswer(result: CommitResult): Response {
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
