import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { statIfExists } from '../../runtime/os/files.ts'
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
import { needReach, type ReachDeps } from './reach.ts'
import { Refusal } from './refusal.ts'
import type { Requests } from './requests.ts'
import type { Certificates } from './stored.ts'

export interface ApplyDeps extends ReachDeps {
  readonly home: Home
  readonly clock: Clock
  readonly places: CertbotPlaces
  readonly providers: Providers
  readonly certbot: Certbot
  readonly certificates: Certificates
  readonly attempts: Attempts
  readonly requests: Requests
  /** Until every server of their zones has what was written of these names, or is not waited for; an authority may ask any of them. */
  readonly untilSpread?: (names: readonly string[], tell: (message: string) => void, signal: AbortSignal) => Promise<void>
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
      await closeAll(deps, host)
      return context.step('archived')
    case 'hide':
      await hideLeftovers(deps, host, context.signal)
      return context.step('hidden')
    case 'obtain':
      await obtain(deps, action, context)
      return closeRenewal(deps, host)
    case 'revoke':
      return revoke(deps, action, context)
  }
}

async function obtain(
  deps: ApplyDeps,
  { item, rehearsal }: Pick<Extract<CertificateAction, { type: 'obtain' }>, 'item' | 'rehearsal'>,
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
    await needReach(deps, item)
    if (item.proof.type === 'http') await deps.untilSpread?.(namesOf(item), message => progress(host, message), signal)
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

/** Nothing is done any more for a host that is gone. */
async function closeAll({ requests }: ApplyDeps, host: string): Promise<void> {
  const request = (await requests.open()).get(host)
  if (request !== undefined) await requests.close(request, request.action.type)
}

/** What was asked for is done, whichever certificate it was asked of. */
async function closeRenewal({ requests }: ApplyDeps, host: string): Promise<void> {
  const request = (await requests.open()).get(host)
  if (request?.action.type === 'renew') await requests.close(request, 'renew')
}

/**
 * Another one with a new key takes its place first, so that visitors notice nothing. Where none is to be had it is revoked all
 * the same, as that is what was asked for, and the host serves its own until there is one.
 */
async function revoke(
  deps: ApplyDeps,
  { item, certificate, reason, replace }: Extract<CertificateAction, { type: 'revoke' }>,
  context: ApplyContext,
): Promise<void> {
  const { certificates, certbot, requests } = deps
  const { host, issuer } = item
  const inUse = certificates.issued(item, issuer.directory)
  const wanted = replace && inUse?.id === certificate
  const missing = wanted ? await failureOf(obtain(deps, { item, rehearsal: false }, context)) : undefined
  context.signal.throwIfAborted()
  const folder = certificates.folderOf(host, certificate)
  if (await statIfExists(folder)) {
    await certbot.revoke({ host, issuer, directory: issuer.directory, folder, reason }, context.signal)
    await context.step('revoked')
    await certificates.markRevoked(host, certificate)
    await forgetOrder(deps, item, certificates.chainOf(host, certificate))
  }
  await requests.close({ host, certificate }, 'revoke')
  await context.step('closed')
  if (missing !== undefined) throw missing
}

/** What was revoked is not taken up again. */
async function forgetOrder({ places }: ApplyDeps, { host, issuer }: CertificateItem, chain: string): Promise<void> {
  const { order } = hostPlaces(places, issuer.directory, host)
  if ((await givenIn(order))?.chain === chain) await rm(order, { recursive: true })
}

async function failureOf(work: Promise<void>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
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
