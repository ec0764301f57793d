import { needsPerson } from '../../../desired-state/documents/needs-person.ts'
import type { Repository } from '../../../desired-state/repository.ts'
import type { Engine, Status } from '../../../reconcilers/engine/status.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { type DocumentEdit, editDocument } from '../../api/edit-document.ts'
import type { Caller } from './verb.ts'

export interface ChangeDeps {
  readonly repository: Repository
  readonly engine: Engine
}

/** What the engine made of a change. */
export interface Outcome {
  readonly revision: string
  /** Nothing had to be written: it is declared like that already. */
  readonly unchanged: boolean
  readonly converged: boolean
  /** How the resource stands that this is about. */
  readonly resource: { readonly state: string; readonly reason: string; readonly message: string } | undefined
  /** What waits for a person before it is carried out. */
  readonly held: readonly string[]
}

/** Milliseconds that the engine is waited for; afterwards it goes on by itself. */
const patience = 60_000

/** Commits a change of one document in the agent's name, as a push would, and waits for what the engine makes of it. */
export async function changeDocument(
  { repository, engine }: ChangeDeps,
  change: DocumentEdit & { readonly resource: Resource },
  { agent, signal }: Caller,
): Promise<Outcome> {
  const [closed] = needsPerson(new Map([[change.path, null]]))
  if (closed !== undefined) {
    throw new ApplianceError('invalid', `${closed} is changed by a person only`, {
      hint: 'tell the person what to change, and why',
    })
  }
  const author = { name: agent, email: `${agent}@ai-infrastructure.invalid` }
  const { revision, unchanged } = await editDocument(repository, author, change)
  if (!unchanged) engine.moved()
  return follow(engine, revision, unchanged, change.resource, signal)
}

interface Resource {
  readonly kind: string
  readonly key: string
}

async function follow(
  engine: Engine,
  revision: string,
  unchanged: boolean,
  resource: Resource,
  signal: AbortSignal,
): Promise<Outcome> {
  const status: Status = await engine
    .settled(revision, AbortSignal.any([signal, AbortSignal.timeout(patience)]))
    .catch(() => engine.status())
  return outcomeOf(engine, resource, revision, unchanged, status)
}

/** The world has changed and the documents have not: has the engine look, and waits until it has put the resource right. */
export async function lookAgain(engine: Engine, resource: Resource, reason: string, signal: AbortSignal): Promise<Outcome> {
  const done = Promise.withResolvers<void>()
  const end = AbortSignal.any([signal, AbortSignal.timeout(patience / 3)])
  end.addEventListener('abort', () => done.resolve(), { once: true })
  const stop = engine.subscribe(event => {
    if (event.type !== 'change' || event.phase === 'started') return
    if (event.change.kind === resource.kind && event.change.key === resource.key) done.resolve()
  })
  engine.wake(resource.kind, reason)
  await done.promise
  stop()
  const status = engine.status()
  return outcomeOf(engine, resource, status.desired, true, status)
}

function outcomeOf(engine: Engine, { kind, key }: Resource, revision: string, unchanged: boolean, status: Status): Outcome {
  const found = engine.resource(kind, key)
  return {
    revision,
    unchanged,
    converged: status.converged,
    resource: found === undefined ? undefined : { state: found.state, reason: found.reason, message: found.message },
    held: engine.holds().map(hold => `${hold.reason} (hold ${hold.id}; a person lets it through)`),
  }
}
