import { systemClock } from '../../../runtime/os/clock.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import type { Store } from '../../../runtime/store/store.ts'
import { type EngineDependencies, type RunningEngine, startEngine } from '../engine.ts'
import type { AnyReconciler } from '../reconciler.ts'
import { type createHistory, createWorld } from './world.ts'

/**
 * Kinds that stand to each other as those of a server do: sites; a record and a certificate that follow each site, the
 * record with a cap of its own; zones, which stand alone; and archives, which begin when sites and zones have settled.
 */
export function createKinds() {
  const worlds = {
    ...{ site: createWorld('site'), record: createWorld('record'), certificate: createWorld('certificate') },
    ...{ zone: createWorld('zone'), archive: createWorld('archive') },
  }
  const records: AnyReconciler = {
    ...{ ...worlds.record.reconciler, after: ['site'], follows: 'site' },
    followed: (from, to) => {
      const ours = [...from.telos].filter(([key]) => !key.startsWith('site/'))
      return { ...from, telos: new Map([...ours, ...[...to.telos].filter(([key]) => key.startsWith('site/'))]) }
    },
    select: state => {
      const hidden = state.telos.get('unnamed') !== undefined
      const sites = hidden ? [] : [...worlds.site.reconciler.select(state)]
      return new Map([
        ...sites.map(([key, site]) => [key.replace('site/', 'of-'), site] as const),
        ...worlds.record.reconciler.select(state),
      ])
    },
  }
  const certificates: AnyReconciler = {
    ...{ ...worlds.certificate.reconciler, after: ['site'], follows: 'site', select: worlds.site.reconciler.select },
  }
  const reconcilers: AnyReconciler[] = [
    ...[worlds.site.reconciler, records, certificates, worlds.zone.reconciler],
    { ...worlds.archive.reconciler, after: ['site', 'zone'] },
  ]
  return { worlds, reconcilers }
}

/** All kinds with two or three of each. */
export const everything = {
  ...{ 'site/a': '1', 'site/b': '1', 'zone/x': '1', 'zone/y': '1', 'zone/z': '1' },
  ...{ 'archive/p': '1', 'archive/q': '1' },
}

export const startKinds = (
  store: Store,
  history: ReturnType<typeof createHistory>,
  reconcilers: readonly AnyReconciler[],
  more: Partial<EngineDependencies> = {},
): Promise<RunningEngine> =>
  startEngine({
    ...{ repository: history.repository, reconcilers, store, clock: systemClock, log: silentLog },
    ...{ random: () => 0.5, command: 'ai-infra' },
    ...more,
  })
