import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Providers } from '../dns/provider.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { hostFolder } from '../sites/harmless.ts'
import { archiveName, moveToArchive } from '../sites/web-roots.ts'
import type { Attempts } from './attempts.ts'
import type { Certbot } from './certbot.ts'
import { hideAll } from './desk.ts'
import { type CertificateItem, namesOf } from './item.ts'
import { givenIn } from './order.ts'
import { endOrphans } from './orphans.ts'
import { type CertbotPlaces, foldersOf, hostPlaces } from './places.ts'
import type { CertificateAction } from './plan.ts'
import { Refusal } from './refusal.ts'
import type { Certificates } from './stored.ts'

export interface ApplyDeps {
  readonly home: Home
  readonly clock: Clock
  readonly places: CertbotPlaces
  readonly providers: Providers
  readonly certbot: Certbot
  readonly certificates: Certificates
  readonly attempts: Attempts
  /** Has the sites take it up, and resolves when a handshake for the host gets this certificate; throws when none does in time. */
  readonly served: (host: string, chain: string, signal: AbortSignal) => Promise<void>
}

export async function applyCertificate(
  deps: ApplyDeps,
  host: string,
  action: CertificateAction,
  context: ApplyContext,
): Promise<void> {
  await context.step('begin')
  switch (action.type) {
    case 'forget':
      await hideLeftovers(deps, host, context.signal)
      await forget(deps, host)
      return context.step('archived')
    case 'hide':
      await hideLeftovers(deps, host, context.signal)
      return context.step('hidden')
    case 'obtain':
      return obtain(deps, action, context)
  }
}

async function obtain(
  deps: ApplyDeps,
  { item, rehearsal }: Extract<CertificateAction, { type: 'obtain' }>,
  context: ApplyContext,
) {
  const { signal, step, progress } = context
  const { host, issuer } = item
  const { directory, staging } = issuer
  const { order } = hostPlaces(deps.places, directory, host)
  const left = await givenIn(order)
  // Given and not taken up, because something died in between: the authority is not asked for another one.
  if (left === undefined || !deps.certificates.isFresh(item, { ...left, directory })) {
    await hideLeftovers(deps, host, signal)
    if (rehearsal && staging !== undefined) {
      progress(host, `asking ${new URL(staging).hostname} first, because the last try failed`)
      await attempt(deps, item, staging, context)
      await step('rehearsed')
    }
    progress(host, `asking ${new URL(directory).hostname}`)
    await attempt(deps, item, directory, context)
    await step('issued')
  }
  const given = await givenIn(order)
  if (given === undefined) throw new ApplianceError('failed', 'certbot said that it has it, and it is not there')
  await deps.certificates.keep(item, { ...given, directory })
  await step('kept')
  await deps.served(host, given.chain, signal)
  await step('served')
}

/** Every try is written down, also one that fails: the authority counts it too. */
async function attempt(
  { certbot, clock, attempts }: ApplyDeps,
  item: CertificateItem,
  directory: string,
  { step, signal }: ApplyContext,
): Promise<void> {
  const { host, issuer, proof } = item
  const at = clock.now()
  try {
    await certbot.obtain({ host, names: namesOf(item), issuer, directory, proof }, step, signal)
  } catch (error) {
    if (error instanceof Refusal) {
      await attempts.record({ host, at, directory, failure: explain(error), notBefore: error.notBefore })
    }
    throw error
  }
  await attempts.record({ host, at, directory, failure: undefined, notBefore: undefined })
}

/** Answers that a death left in DNS, whichever authority they were for. */
async function hideLeftovers({ places, providers, clock }: ApplyDeps, host: string, signal: AbortSignal): Promise<void> {
  for (const folder of await foldersOf(places, host)) await hideAll({ providers, clock }, join(folder, 'shown'), signal)
}

/** Keys and chains move to the archive; nothing of them is deleted. */
async function forget({ home, places, clock }: ApplyDeps, host: string): Promise<void> {
  for (const folder of await foldersOf(places, host)) {
    await endOrphans(join(folder, 'config'))
    await moveToArchive(home, folder, archiveName(`certbot-${hostFolder(host)}`, clock.now()))
  }
}
