import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { archiveName, moveToArchive } from '../sites/web-roots.ts'
import type { Attempts } from './attempts.ts'
import { type CertbotPlaces, lineageOf, obtain } from './certbot.ts'
import { type CertificateItem, namesOf } from './item.ts'
import { namesIn } from './observe.ts'
import type { CertificateAction } from './plan.ts'
import type { Certificates } from './stored.ts'

export interface ApplyDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly clock: Clock
  readonly places: CertbotPlaces
  readonly certificates: Certificates
  readonly attempts: Attempts
  /** Has the sites take it up, and resolves when a handshake for the host gets this certificate; throws when none does in time. */
  readonly served: (host: string, chain: string, signal: AbortSignal) => Promise<void>
}

export async function applyCertificate(
  deps: ApplyDeps,
  host: string,
  action: CertificateAction,
  { signal, step, progress }: ApplyContext,
): Promise<void> {
  await step('begin')
  if (action.type === 'forget') {
    await forget(deps, host)
    return step('archived')
  }
  const { item, rehearsal } = action
  const { directory, staging } = item.issuer
  const left = await lineageOf(deps.places, directory, host)
  // Given and not taken up, because something died in between: the authority is not asked for another one.
  if (left === undefined || !deps.certificates.isFresh(item, { ...left, directory })) {
    if (rehearsal && staging !== undefined) {
      progress(host, `asking ${new URL(staging).hostname} first, because the last try failed`)
      await attempt(deps, item, staging, signal)
      await step('rehearsed')
    }
    progress(host, `asking ${new URL(directory).hostname}`)
    await attempt(deps, item, directory, signal)
    await step('issued')
  }
  const lineage = await lineageOf(deps.places, directory, host)
  if (lineage === undefined) throw new ApplianceError('failed', 'certbot said that it has it, and it is not there')
  await deps.certificates.keep(item, { ...lineage, directory })
  await step('kept')
  await deps.served(host, lineage.chain, signal)
  await step('served')
}

/** Every try is written down, also one that fails: the authority counts it too. */
async function attempt(deps: ApplyDeps, item: CertificateItem, directory: string, signal: AbortSignal): Promise<void> {
  const { spawn, clock, places, attempts } = deps
  const { host, issuer } = item
  const at = clock.now()
  try {
    await obtain(spawn, { host, names: namesOf(item), issuer, directory }, places, signal)
  } catch (error) {
    if (!signal.aborted) await attempts.record({ host, at, directory, failure: explain(error) })
    throw error
  }
  await attempts.record({ host, at, directory, failure: undefined })
}

/** Keys and chains move to the archive; nothing of them is deleted. */
async function forget({ home, places, clock }: ApplyDeps, host: string): Promise<void> {
  for (const issuer of await namesIn(places.folder)) {
    const config = join(places.folder, issuer, 'config')
    for (const [part, name] of [
      ['renewal', `${host}.conf`],
      ['archive', host],
      ['live', host],
    ] as const) {
      if (!(await namesIn(join(config, part))).includes(name)) continue
      await moveToArchive(home, join(config, part, name), archiveName(`certbot-${part}-${host}`, clock.now()))
    }
  }
}
