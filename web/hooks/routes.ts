import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../runtime/os/clock.ts'
import { text } from '../door/answer.ts'
import type { Call, Route } from '../door/route.ts'
import { isProven, proofOf } from './signature.ts'

export interface HookDeps {
  readonly hooks: {
    /** What webhooks are signed with; undefined when nobody may send any. */
    secret(): Promise<string | undefined>
    /** False: this signature was heard before. Remembers it for a month. */
    isNew(signature: string): Promise<boolean>
    /** The branch that is mirrored. */
    branch(): string | undefined
    /** The end of its address, `owner/name`, as a forge calls it; undefined where it is no forge's. */
    repository(): string | undefined
    /** Has the upstream asked soon; many calls are one. */
    wake(): void
  }
  readonly clock: Clock
}

/** Bytes of a webhook's body. */
const largestBody = 4 * 1024 * 1024

/** The one door for those who have no account: they prove themselves by a signature over what they send. */
export const createHookRoutes = (deps: HookDeps): readonly Route[] => [
  {
    ...{ method: 'POST', path: '/hooks/upstream', policy: ['anonymous'], signed: true },
    ...{ rateLimit: { requests: 60, seconds: 60 }, audit: 'upstream.hook' },
    handle: call => heard(deps, call),
  },
]

/** Says only that the upstream is worth a look: what it holds is asked of itself. */
async function heard({ hooks, clock }: HookDeps, { request }: Call): Promise<Response> {
  const body = await bodyOf(request)
  if (body === undefined) return text('This is more than a webhook may have.\n', 413)
  const proof = proofOf(request.headers, body, clock.now())
  // A secret that nobody knows keeps the time and the answer the same where there is no upstream.
  const secret = (await hooks.secret().catch(() => undefined)) ?? randomBytes(32).toString('hex')
  if (proof === undefined || !isProven(proof, secret)) return text('This is not signed.\n', 401)
  if (!(await hooks.isNew(proof.signature))) return text('This was heard before.\n', 409)
  const event = request.headers.get('x-github-event')
  if (event === 'ping') return text('pong\n')
  const { ref, repository } = eventOf(body)
  const mirrored = hooks.repository()?.toLowerCase()
  // One secret may sign for all repositories of an organisation.
  if (repository !== undefined && mirrored !== undefined && repository.toLowerCase() !== mirrored)
    return text('That repository is not mirrored.\n', 202)
  const branch = hooks.branch()
  if (ref !== undefined && branch !== undefined && ref !== `refs/heads/${branch}`)
    return text('That branch is not mirrored.\n', 202)
  hooks.wake()
  return text('The upstream is asked.\n', 202)
}

async function bodyOf(request: Request): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > largestBody) return undefined
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > largestBody) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The ref of an event `push`, and which repository it is about; everything else is worth a look. */
function eventOf(body: Uint8Array): { readonly ref?: string | undefined; readonly repository?: string | undefined } {
  try {
    const event: unknown = JSON.parse(new TextDecoder().decode(body))
    const push = z.object({ ref: z.string(), commits: z.array(z.unknown()) }).safeParse(event)
    const about = z.object({ repository: z.object({ full_name: z.string() }) }).safeParse(event)
    return { ref: push.data?.ref, repository: about.data?.repository.full_name }
  } catch {
    return {}
  }
}
