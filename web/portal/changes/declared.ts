import type { DesiredState } from '../../../desired-state/state.ts'
import type { Operation } from '../../../reconcilers/engine/reconciler.ts'

/** What one commit declares otherwise than its parent. */
export interface Declared {
  readonly kind: 'agent' | 'site' | 'settings'
  readonly key: string
  readonly operation: Extract<Operation, 'create' | 'update' | 'delete'>
}

const nothing: Pick<DesiredState, 'agents' | 'domains'> = { agents: new Map(), domains: new Map() }

/** The resources whose declaration differs; the settings as one. */
export function declaredChanges(before: DesiredState | undefined, after: DesiredState): readonly Declared[] {
  const old = before ?? nothing
  const settings = before !== undefined && !Bun.deepEquals(before.settings, after.settings)
  return [
    ...between('site', old.domains, after.domains),
    ...between('agent', old.agents, after.agents),
    ...(settings ? [{ kind: 'settings', key: 'settings.yaml', operation: 'update' } as const] : []),
  ]
}

function between<Item>(
  kind: Declared['kind'],
  before: ReadonlyMap<string, Item>,
  after: ReadonlyMap<string, Item>,
): readonly Declared[] {
  const deleted = [...before.keys()].filter(key => !after.has(key)).map(key => ({ kind, key, operation: 'delete' }) as const)
  const changed = [...after].flatMap(([key, item]): Declared[] => {
    const old = before.get(key)
    if (old === undefined) return [{ kind, key, operation: 'create' }]
    return Bun.deepEquals(old, item) ? [] : [{ kind, key, operation: 'update' }]
  })
  return [...changed, ...deleted]
}
