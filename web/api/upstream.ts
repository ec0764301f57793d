import { z } from 'zod'
import { upstreamSchema } from '../../desired-state/documents/upstream.ts'
import type { Verdict } from '../../desired-state/push.ts'
import type { Author } from '../../desired-state/repository.ts'
import type { UpstreamRepository } from '../../desired-state/state.ts'
import { type Standing, standingShape } from '../../desired-state/upstream-standing.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { authorOf } from './author.ts'
import { type DocumentedRoute, people, reads, writes } from './define.ts'

/** The mirror of main elsewhere, as the door knows it. */
export interface UpstreamDesk {
  standing(): Promise<Standing>
  /** Asks the upstream now, and does what follows from it. */
  look(): Promise<void>
  adopt(bound: Bound, from?: UpstreamRepository): Promise<{ readonly revision: string; readonly archive?: string | undefined }>
  keep(bound: Bound, author: Author): Promise<string>
  /** What the other side would change, were it adopted; nothing of it is kept. */
  preview<T>(use: (head: string, verdict: Verdict) => Promise<T>): Promise<T>
  subscribe(listener: () => void): () => void
}

interface Bound {
  readonly head?: string | undefined
  readonly main?: string | undefined
}

export interface UpstreamApiDeps {
  readonly upstream: UpstreamDesk
}

const revision = z.string().regex(/^[0-9a-f]{7,40}$/, 'write at least seven digits of a commit')
const bound = { head: revision.optional(), main: revision.optional() }
const tag = 'upstream'

/** The repository elsewhere that main is mirrored with. */
export const upstreamRoutes = ({ upstream }: UpstreamApiDeps): readonly DocumentedRoute[] => [
  reads({
    ...{ path: '/api/upstream', policy: people, tag, answer: standingShape },
    summary: 'How the mirror of main elsewhere stands',
    handle: () => upstream.standing(),
  }),
  writes({
    ...{ path: '/api/upstream/fetch', policy: people, audit: 'upstream.fetched', tag, answer: standingShape },
    body: z.strictObject({}),
    summary: 'Ask the upstream now, and take up what is new',
    async handle() {
      await upstream.look()
      return upstream.standing()
    },
  }),
  writes({
    ...{ path: '/api/upstream/adopt', policy: people, audit: 'upstream.adopted', tag },
    body: z.strictObject({
      ...bound,
      from: upstreamSchema.optional().describe('Another repository than the declared one; from the operator only'),
    }),
    answer: z.object({ revision: z.string(), archive: z.string().optional() }),
    summary: 'Take what is declared there, after the checks of any push; what was main is archived',
    handle({ body: { from, ...heads }, call }) {
      // Whoever says where a secret goes can read it there, and the portal only takes secrets in.
      if (from !== undefined && call.identity.kind !== 'operator') {
        throw new ApplianceError('invalid', 'another repository than the declared one is adopted on the server only', {
          hint: 'upstream adopt --url URL does it there; or declare it in settings.yaml',
        })
      }
      return upstream.adopt(heads, from)
    },
  }),
  writes({
    ...{ path: '/api/upstream/push', policy: people, audit: 'upstream.kept', tag, answer: z.object({ revision: z.string() }) },
    body: z.strictObject(bound),
    summary: 'Keep what is declared here: one new commit with both histories, which goes there without force',
    handle: async ({ body, call }) => ({ revision: await upstream.keep(body, authorOf(call.identity)) }),
  }),
]
