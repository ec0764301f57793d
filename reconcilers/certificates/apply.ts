import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { statIfExists } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { hostFolder } from '../sites/harmless.ts'
import { archiveName, moveToArchive } from '../sites/web-roots.ts'
import type { CertificateItem } from './item.ts'
import { hideLeftovers, type ObtainDeps, obtain } from './obtain.ts'
import { givenIn } from './order.ts'
import { endOrphans } from './orphans.ts'
import { foldersOf, hostPlaces } from './places.ts'
import type { CertificateAction } from './plan.ts'
import type { Requests } from './requests.ts'

export interface ApplyDeps extends ObtainDeps {
  readonly home: Home
  readonly requests: Requests
}

export async function applyCertificate(
  deps: ApplyDeps,
  host: string,
  action: CertificateAction,
  context: ApplyContext,
): Promise<void> {
  await context.step('begin')
  if (action.type !== 'obtain') await context.settled?.()
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
  const missing = wanted ? await failureOf(obtain(deps, { item, rehearsal: false, ahead: false }, context)) : undefined
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

/** Keys and chains move to the archive; nothing of them is deleted. */
async function forget({ home, places, clock }: ApplyDeps, host: string): Promise<void> {
  for (const folder of await foldersOf(places, host)) {
    await endOrphans(join(folder, 'config'))
    await moveToArchive(home, folder, archiveName(`certbot-${hostFolder(host)}`, clock.now()))
  }
}
