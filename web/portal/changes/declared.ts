import type { DesiredState } from '../../../desired-state/state.ts'
import type { Operation } from '../../../reconcilers/engine/reconciler.ts'

/** What one commit declares otherwise than its parent. */
export interface Declared {
  readonly kind: 'agent' | 'site' | 'dns-record' | 'backup' | 'database' | 'secret' | 'telos' | 'settings'
  readonly key: string
  readonly operation: Extract<Operation, 'create' | 'update' | 'delete'>
}

type Parts = Pick<DesiredState, 'agents' | 'domains' | 'dns' | 'backups' | 'gitBackups' | 'databases' | 'secrets' | 'telos'>

const nothing: Parts = {
  ...{ agents: new Map(), domains: new Map(), dns: new Map(), backups: new Map(), gitBackups: new Map() },
  ...{ databases: new Map(), secrets: { recipients: new Map(), values: new Map() }, telos: new Map() },
}

/** Everything whose declaration differs, whatever document says it; the settings as one. Whoever decides sees it here. */
export function declaredChanges(before: DesiredState | undefined, after: DesiredState): readonly Declared[] {
  const old = before ?? nothing
  const settings = before !== undefined && !Bun.deepEquals(before.settings, after.settings)
  return [
    ...between('site', old.domains, after.domains),
    ...between('agent', old.agents, after.agents),
    ...between('dns-record', zonesAndRecords(old), zonesAndRecords(after)),
    ...between('backup', backupsOf(old), backupsOf(after)),
    ...between('database', old.databases, after.databases),
    ...between('secret', old.secrets.values, after.secrets.values),
    ...between('secret', recipientsOf(old), recipientsOf(after)),
    ...between('telos', old.telos, after.telos),
    ...(settings ? [{ kind: 'settings', key: 'settings.yaml', operation: 'update' } as const] : []),
  ]
}

/** Zones by name, without their records; those by `name/TYPE`. */
const zonesAndRecords = ({ dns }: Parts): ReadonlyMap<string, unknown> =>
  new Map(
    [...dns.values()].flatMap(({ records, ...zone }): [string, unknown][] => [
      [zone.name, zone],
      ...records.map((set): [string, unknown] => [`${set.name}/${set.type}`, set]),
    ]),
  )

const backupsOf = ({ backups, gitBackups }: Parts): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([...backups, ...gitBackups])

const recipientsOf = ({ secrets }: Parts) => new Map([...secrets.recipients].map(([name, key]) => [`recipient ${name}`, key]))

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
