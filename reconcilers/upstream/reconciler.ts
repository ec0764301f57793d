import type { Exchange } from '../../desired-state/git/exchange.ts'
import type { Repository } from '../../desired-state/repository.ts'
import type { DesiredState, UpstreamRepository } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Change, Obstacle, Plan, Reconciler } from '../engine/reconciler.ts'
import { needsApproval } from './approval.ts'
import type { Mirror } from './mirror.ts'
import type { Followed } from './records.ts'
import { shownUrl } from './remote.ts'

export type UpstreamAction =
  | { readonly type: 'follow'; readonly declared: UpstreamRepository }
  | { readonly type: 'push'; readonly revision: string }
  | { readonly type: 'forget' }

export interface ObservedUpstream {
  readonly followed: Followed | undefined
  readonly main: string
  /** The upstream lacks nothing but what is new here. */
  readonly behind: boolean
}

export interface UpstreamDeps {
  readonly mirror: Pick<Mirror, 'followed' | 'follow' | 'forget' | 'look' | 'push'>
  readonly repository: Pick<Repository, 'head' | 'isAncestor'>
  readonly exchange: Pick<Exchange, 'has'>
  /** Main is another than the one that the problem is about: the mirror looks again. */
  readonly lookAgain: () => void
}

const key = 'main'

/** Keeps main mirrored with the repository that `settings.yaml: upstream` names; the only key is `main`. */
export function createUpstreamReconciler(deps: UpstreamDeps): Reconciler<UpstreamRepository, ObservedUpstream, UpstreamAction> {
  const { mirror } = deps
  return {
    kind: 'upstream',
    after: [],
    select: (state: DesiredState) => new Map(state.settings.upstream === undefined ? [] : [[key, state.settings.upstream]]),
    observe: () => observe(deps),
    plan: planUpstream,
    // Other times or secrets for the same place; whoever else main would come from is for `exposes`.
    weigh: () => 'adjust',
    exposes: needsApproval,
    async apply({ action }, { signal, step }) {
      switch (action.type) {
        case 'follow':
          await step('begin')
          await mirror.follow(action.declared)
          await step('followed')
          await mirror.look()
          // One that is empty, or behind, is the same when this is done.
          return (await observe(deps)).behind ? mirror.push(signal, step) : undefined
        case 'push':
          return mirror.push(signal, step)
        case 'forget':
          await step('begin')
          await mirror.forget()
          return step('forgotten')
      }
    },
  }
}

async function observe({ mirror, repository, exchange, lookAgain }: UpstreamDeps): Promise<ObservedUpstream> {
  const main = await repository.head()
  if (main === undefined) throw new ApplianceError('waiting', 'there is no commit yet')
  const followed = mirror.followed()
  const { head, seenAt, problem } = followed ?? {}
  if (problem?.main !== undefined && problem.main !== main) lookAgain()
  const known = head === undefined ? seenAt !== undefined : head !== main && (await exchange.has(head))
  const behind = problem === undefined && known && (head === undefined || (await repository.isAncestor(head, main)))
  return { followed, main, behind }
}

/** Pure: what is declared against what is followed and was seen. */
export function planUpstream(
  desired: ReadonlyMap<string, UpstreamRepository>,
  { followed, main, behind }: ObservedUpstream,
): Plan<UpstreamAction> {
  const declared = desired.get(key)
  if (declared === undefined)
    return {
      changes: followed === undefined ? [] : [change('delete', 'no longer mirror', followed.declared, { type: 'forget' })],
      obstacles: [],
    }
  if (followed === undefined || !Bun.deepEquals(declared, followed.declared)) {
    const operation = followed === undefined ? 'create' : 'update'
    return { changes: [change(operation, 'mirror main with', declared, { type: 'follow', declared })], obstacles: [] }
  }
  const { problem } = followed
  if (problem !== undefined) {
    const obstacle: Obstacle = {
      key,
      state: problem.state,
      reason: `upstream-${problem.reason}`,
      message: `${shownUrl(declared.url)}: ${problem.message}`,
    }
    return { changes: [], obstacles: [obstacle] }
  }
  if (behind)
    return {
      changes: [change('update', `push ${main.slice(0, 8)} to`, declared, { type: 'push', revision: main })],
      obstacles: [],
    }
  if (followed.head === main)
    return { changes: [], obstacles: [], notes: new Map([[key, `the same as ${shownUrl(declared.url)}`]]) }
  const unseen: Obstacle = {
    key,
    state: 'waiting',
    reason: 'upstream-unseen',
    message: `${shownUrl(declared.url)} is about to be asked`,
  }
  return { changes: [], obstacles: [unseen] }
}

const change = (
  operation: Change<UpstreamAction>['operation'],
  doing: string,
  { url, branch }: UpstreamRepository,
  action: UpstreamAction,
): Change<UpstreamAction> => ({
  ...{ kind: 'upstream', key, operation, fields: [], action },
  summary: `${doing} ${shownUrl(url)}${branch === 'main' ? '' : ` (${branch})`}`,
})
