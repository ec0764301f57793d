import { transportOf } from '../desired-state/documents/upstream.ts'
import { createExchange } from '../desired-state/git/exchange.ts'
import { ensureSigningKey } from '../desired-state/git/signatures.ts'
import { judgeAdoption, judgePush } from '../desired-state/push.ts'
import type { RunningEngine } from '../reconcilers/engine/engine.ts'
import type { AnyReconciler } from '../reconcilers/engine/reconciler.ts'
import { createDeliveries } from '../reconcilers/upstream/deliveries.ts'
import { createMirror, type Mirror } from '../reconcilers/upstream/mirror.ts'
import { startPolling } from '../reconcilers/upstream/polling.ts'
import { createUpstreamReconciler } from '../reconcilers/upstream/reconciler.ts'
import { createRecords } from '../reconcilers/upstream/records.ts'
import { removeOldKey, shownUrl, withRemote } from '../reconcilers/upstream/remote.ts'
import type { Home } from '../runtime/os/home.ts'
import { spawnBytes } from '../runtime/os/spawn.ts'
import { type Place, place, placeOfUrl } from '../runtime/secrets/place.ts'
import type { UpstreamDesk } from '../web/api/upstream.ts'
import type { HookDeps } from '../web/hooks/routes.ts'
import { type Forge, startForge } from './forge.ts'
import type { Ground } from './ground.ts'

export interface UpstreamRoom {
  readonly mirror: Mirror
  /** For the door. */
  readonly desk: UpstreamDesk
  readonly hooks: HookDeps['hooks']
  readonly reconciler: AnyReconciler
  /** Begins to look; ends with `started`. */
  start(engine: RunningEngine, started: AsyncDisposableStack): void
}

/** ssh is also written `me@host:path`. */
function placeOfRemote(url: string): Place | 'here' {
  if (transportOf(url) === 'path') return 'here'
  if (/^[a-z]+:\/\//i.test(url)) return placeOfUrl(url, 'git')
  const [, host = url] = /^(?:[^/@]+@)?([^/:]+):/.exec(url) ?? []
  return place(host, 22, 'git')
}

export interface UpstreamRoomOptions {
  readonly home: Home
  readonly command: string
  readonly onStep?: (kind: string, name: string) => void
}

/** The mirror of main elsewhere, the resource that stands for it, and what makes it look. */
export async function upstreamRoom(ground: Ground, { home, command, onStep }: UpstreamRoomOptions): Promise<UpstreamRoom> {
  const { repository, store, clock, secrets, audit, redact } = ground
  const log = ground.log.with({ component: 'upstream' })
  const records = createRecords(store)
  await Promise.all([records.load(), removeOldKey(home)])
  const exchange = createExchange(home)
  const listeners = new Set<() => void>()
  let engine: RunningEngine | undefined
  let wake = () => {}
  let forge: Forge | undefined
  const main = 'refs/heads/main'
  const mirror = createMirror({
    ...{ repository, exchange, records, clock, log, command },
    reach: (declared, use) => {
      const purpose = `upstream ${shownUrl(declared.url)}`
      const secret = (reference: string) => secrets.value(reference, purpose, placeOfRemote(declared.url))
      return withRemote({ home, redact, secret }, declared, use)
    },
    judge: (update, quarantine) => judgePush(repository, [{ ...update, ref: main }], quarantine),
    judgeAdoption: (update, quarantine) => judgeAdoption(repository, update, quarantine),
    rehearse: async state => void (await engine?.plan(state, 'push')),
    moved: () => engine?.moved(),
    changed: () => {
      engine?.wake('upstream', 'the upstream was asked')
      for (const listener of listeners) listener()
      forge?.looked()
    },
    audit: (action, target, outcome, details) =>
      audit.record({ type: 'config_changed', agent: '', user: 'upstream', action, target, outcome, details }),
    signingKey: () => ensureSigningKey(home.keys, spawnBytes),
    step: name => onStep?.('upstream', name),
  })
  return {
    mirror,
    reconciler: createUpstreamReconciler({ mirror, repository, exchange, lookAgain: () => wake() }),
    desk: {
      ...mirror,
      async standing() {
        const [standing, resource] = [await mirror.standing(), engine?.resource('upstream', 'main')]
        const isUnsent = standing.problem === undefined && resource?.state === 'failed'
        return isUnsent ? { ...standing, unsent: resource.message } : standing
      },
      subscribe(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    hooks: {
      isNew: createDeliveries(store).isNew,
      branch: () => records.current()?.declared.branch,
      repository: () => forgeName(records.current()?.declared.url),
      wake: () => wake(),
      async secret() {
        const { webhook_secret, url = '' } = records.current()?.declared ?? {}
        return webhook_secret === undefined ? undefined : secrets.value(webhook_secret, `webhooks of ${shownUrl(url)}`, 'here')
      },
    },
    start(running, started) {
      engine = running
      const wanted = () => running.resource('upstream', 'main')?.state !== 'suspended'
      const polling = startPolling({ mirror, clock, random: Math.random, wanted })
      wake = polling.wake
      started.defer(() => polling.stop())
      forge = startForge(ground, { mirror, merge: exchange.merge, engine: running })
      started.defer(() => forge?.stop())
    },
  }
}

/** `owner/name` of an address that has no more than that behind its host. */
const forgeName = (url = ''): string | undefined =>
  url.startsWith('/') ? undefined : /^(?:[a-z]+:\/\/[^/]+\/|[^/:]+:)([^/]+\/[^/]+?)(?:\.git)?\/?$/i.exec(url)?.[1]
