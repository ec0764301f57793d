import { putSignersInForce, signersInForce } from '../../desired-state/git/signers-in-force.ts'
import type { Signer } from '../../desired-state/state.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { ApplyContext, Change, Outcome, Plan, Reconciler } from '../engine/reconciler.ts'

export type SignerAction = { readonly type: 'allow'; readonly signer: Signer } | { readonly type: 'dismiss' }

type Signers = ReadonlyMap<string, Signer>
type SignersReconciler = Reconciler<Signer, Signers, SignerAction>

/**
 * Keeps who may sign main, as `allowed_signers` of the accepted commit says. While a commit that lets somebody else in is
 * held, what follows it has to be signed by those of before as well.
 */
export function createSignersReconciler(home: Pick<Home, 'keys'>): SignersReconciler {
  const applyBatch = (changes: readonly Change<SignerAction>[], context: ApplyContext) => putInForce(home, changes, context)
  return {
    kind: 'signer',
    after: [],
    select: ({ settings }) => named(settings.allowed_signers ?? []),
    observe: async () => named(await signersInForce(home)),
    plan: planSigners,
    exposes: needsApproval,
    applyBatch,
    async apply(change, context) {
      await applyBatch([change], context)
    },
  }
}

const named = (signers: readonly Signer[]): Signers => new Map(signers.map(signer => [signer.name, signer]))

/** Pure. */
export function planSigners(desired: Signers, inForce: Signers): Plan<SignerAction> {
  const names = [...new Set([...inForce.keys(), ...desired.keys()])].sort()
  return { changes: names.flatMap(name => changeOf(name, desired.get(name), inForce.get(name))), obstacles: [] }
}

function changeOf(key: string, signer: Signer | undefined, before: Signer | undefined): readonly Change<SignerAction>[] {
  const common = { kind: 'signer', key, fields: [] }
  if (signer === undefined) return [{ ...common, operation: 'delete', summary: 'sign main no more', action: { type: 'dismiss' } }]
  if (Bun.deepEquals(signer, before)) return []
  const operation = before === undefined ? 'create' : 'update'
  return [{ ...common, operation, summary: 'sign main', action: { type: 'allow', signer } }]
}

/** All of them in one file: of a list that is half another nobody could tell who it lets in. */
async function putInForce(
  home: Pick<Home, 'keys'>,
  changes: readonly Change<SignerAction>[],
  { step }: ApplyContext,
): Promise<readonly Outcome[]> {
  await step('begin')
  const next = new Map(named(await signersInForce(home)))
  for (const { key, action } of changes) {
    if (action.type === 'allow') next.set(key, action.signer)
    else next.delete(key)
  }
  await putSignersInForce(home, [...next.values()])
  await step('end')
  return changes.map(({ key }) => ({ key }))
}

/**
 * Why a commit needs an approval for whom it lets sign: who is let in may write what follows. The first list of all, and
 * a key less, let nobody in; that the last one goes is held as of every kind. Pure.
 */
export function needsApproval(before: Signers, after: Signers): string | undefined {
  if (before.size === 0) return undefined
  const known = new Set([...before.values()].flatMap(keysOf))
  const fresh = [...after.values()].filter(signer => keysOf(signer).some(key => !known.has(key))).map(({ name }) => name)
  return fresh.length === 0 ? undefined : `it lets keys sign main that may not yet: of ${fresh.sort().join(', ')}`
}

const keysOf = ({ ssh, gpg }: Signer): readonly string[] => [...ssh, ...gpg].map(key => key.trim())
