import { judgePush, parseRefUpdates, type Verdict } from '../../desired-state/push.ts'
import type { Quarantine, Repository } from '../../desired-state/repository.ts'
import type { Engine } from '../../reconcilers/engine/status.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { streamLines, text } from '../door/answer.ts'
import type { Call, Route } from '../door/route.ts'
import { followConvergence } from './follow.ts'
import { planLines } from './lines.ts'

export interface GitDependencies {
  readonly engine: Engine
  readonly repository: Repository
  readonly clock: Clock
  /** How a person calls the command line. */
  readonly command: string
}

const common = { method: 'POST', policy: ['operator'], rateLimit: { requests: 600, seconds: 60 } } as const

/** The two questions that the repository's hooks ask. Their answers are what the pusher reads after `remote:`. */
export function createGitRoutes(dependencies: GitDependencies): readonly Route[] {
  return [
    { ...common, path: '/git/pre-receive', audit: 'push.judged', handle: call => preReceive(dependencies, call) },
    { ...common, path: '/git/post-receive', audit: 'push.accepted', handle: call => postReceive(dependencies, call) },
  ]
}

/** 200 accepts the push, 422 refuses it; the body says why, or what will happen. Nothing that runs has changed yet. */
async function preReceive({ engine, repository }: GitDependencies, { request }: Call): Promise<Response> {
  const updates = parseRefUpdates(await request.text())
  if (updates === undefined) return text('this push names its refs in a way that cannot be read\n', 422)
  const verdict = await judgePush(repository, updates, quarantineOf(request))
  if (!verdict.accepted) return text(`${verdict.lines.join('\n')}\n`, 422)
  return text((await planOf(engine, verdict)).map(line => `${line}\n`).join(''))
}

async function planOf(engine: Engine, { lines, main, others }: Verdict): Promise<string[]> {
  const branches = main === undefined ? others : [main, ...others]
  const plans = await Promise.all(branches.map(branch => engine.plan(branch.state, branch === main ? 'push' : 'preview')))
  const dry = others.length > 0 ? ['a branch other than main is a dry run: nothing of it is carried out'] : []
  return [...lines, ...plans.flatMap(plan => planLines(plan)), ...dry]
}

function quarantineOf(request: Request): Quarantine | undefined {
  const path = request.headers.get('quarantine')
  return path === null || path === '' ? undefined : { path }
}

async function postReceive({ engine, clock, command }: GitDependencies, { request, keepOpen }: Call): Promise<Response> {
  keepOpen()
  const updates = parseRefUpdates(await request.text()) ?? []
  const main = updates.find(update => update.ref === 'refs/heads/main')
  const revision = main?.new
  if (revision === undefined) return text('')
  return streamLines((write, gone) => followConvergence(engine, clock, command, revision, write, gone))
}
