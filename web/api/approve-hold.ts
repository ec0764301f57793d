import type { Approval, Engine, Hold } from '../../reconcilers/engine/status.ts'
import { nameOf } from '../door/door.ts'
import type { Call } from '../door/route.ts'

/** Keys of one kind that the audit names; the digest covers the others, and the journal keeps them for 90 days. */
const mostKeys = 100

/** The one way from a person to the engine's approval: whoever calls, the audit has what was let through. */
export async function approveHold(engine: Pick<Engine, 'approve'>, id: string, call: Call, digest?: string): Promise<Approval> {
  const approval = await engine.approve(id, nameOf(call.identity), digest)
  if (approval.outcome === 'approved') call.tells?.(auditedHold(approval.hold))
  return approval
}

/** What the audit keeps of an approval. */
export const auditedHold = ({ digest, revision, reason, kinds }: Hold) => ({
  ...{ digest, revision, reason },
  kinds: kinds.map(({ kind, changes }) => ({
    kind,
    changes: changes.slice(0, mostKeys).map(({ operation, key }) => `${operation} ${key}`),
    ...(changes.length > mostKeys && { more: changes.length - mostKeys }),
  })),
})
