import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { hostFolder } from '../sites/harmless.ts'
import { archiveName, moveToArchive } from '../sites/web-roots.ts'
import type { CertificateItem } from './item.ts'
import { findLeft, type Left } from './left.ts'
import { hideLeftovers, type ObtainDeps, obtain } from './obtain.ts'
import { givenIn } from './order.ts'
import { endOrphans } from './orphans.ts'
import { foldersOf, hostPlaces } from './places.ts'
import type { CertificateAction, RevokingLeft } from './plan.ts'
import type { Requests } from './requests.ts'
import { type Authority, markRevoked, type StoredCertificate } from './stored.ts'

export interface ApplyDeps extends ObtainDeps {
  readonly home: Home
  readonly requests: Requests
  /** The authority that is declared now; undefined before anything is. */
  readonly issuer: () => Authority | undefined
  /** Has the sites look at once, as one of this host's certificates serves no more. */
  readonly withdrawn: (host: string) => void
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
      await closeRenewal(deps, host)
      return context.step('archived')
    case 'hide':
      await hideLeftovers(deps, host, context.signal)
      return context.step('hidden')
    case 'obtain':
      await obtain(deps, action, context)
      return closeRenewal(deps, host)
    case 'revoke':
      return revoke(deps, action, context)
    case 'revoke-left':
      return revokeLeft(deps, action, context)
  }
}

/** What was asked for is done, whichever certificate it was asked of. */
async function closeRenewal({ requests }: ApplyDeps, host: string): Promise<void> {
  const request = (await requests.open()).get(host)
  if (request?.action.type === 'renew') await requests.close(request, 'renew')
}

/**
 * Another one with a new key takes its place first, so that visitors notice nothing. Where none is to be had it is revoked all
 * the same, as that is what was asked for, and until there is one the host serves an older one, or its own.
 */
async function revoke(
  deps: ApplyDeps,
  action: Extract<CertificateAction, { type: 'revoke' }>,
  context: ApplyContext,
): Promise<void> {
  const { certificates, requests } = deps
  const { item, certificate, reason, replace } = action
  const { host, issuer } = item
  const missing = replace ? await failureOf(otherServes(deps, action, context)) : undefined
  context.signal.throwIfAborted()
  const left = await findLeft(deps, host, certificate)
  if (left !== undefined) {
    await revokeAt(deps, { host, reason }, left, context)
    await forgetOrder(deps, item, await chainIn(left))
  }
  const older = left && olderThan(await chainIn(left), certificates.issued(item, issuer.directory))
  if (older === undefined) await requests.close({ host, certificate }, 'revoke')
  else await requests.renewInstead({ host, certificate }, older.id)
  await context.step('closed')
  if (missing !== undefined) throw missing
}

const chainIn = ({ folder }: Left): Promise<string> => readFile(join(folder, 'certificate.pem'), 'utf8')

/** One that does not take the place of what is in that chain, but serves on until there is one. */
const olderThan = (chain: string, kept: StoredCertificate | undefined): StoredCertificate | undefined =>
  kept !== undefined && kept.begin < Date.parse(new X509Certificate(chain).validFrom) ? kept : undefined

/** Obtains another one, unless a good one is there, as of a try whose revocation did not succeed; resolves when it serves. */
async function otherServes(
  deps: ApplyDeps,
  { item, certificate, due }: Extract<CertificateAction, { type: 'revoke' }>,
  context: ApplyContext,
): Promise<void> {
  const { host, issuer } = item
  const inUse = deps.certificates.issued(item, issuer.directory)
  const missing = inUse === undefined || inUse.id === certificate
  if (missing || due) return obtain(deps, { item, rehearsal: false, ahead: false }, context)
  await deps.served(host, deps.certificates.chainOf(host, inUse.id), context.signal)
  await context.step('served')
}

/** Its host is gone, and with it what would take its place. */
async function revokeLeft(deps: ApplyDeps, { host, certificate, reason }: RevokingLeft, context: ApplyContext): Promise<void> {
  const left = await findLeft(deps, host, certificate)
  if (left === undefined) throw new ApplianceError('failed', `the files of the certificate ${certificate} are gone`)
  await revokeAt(deps, { host, reason }, left, context)
  await deps.requests.close({ host, certificate }, 'revoke')
  await context.step('closed')
}

/** By the authority that gave it, whichever is declared now. */
async function revokeAt(
  { certbot, issuer, withdrawn }: ApplyDeps,
  asked: Pick<RevokingLeft, 'host' | 'reason'>,
  { folder, directory, authorities: noted }: Left,
  { signal, step }: ApplyContext,
): Promise<void> {
  const now = issuer()
  // Nothing was noted beside what is older than that note.
  const authorities = noted ?? (now?.directory === directory ? now.authorities : undefined)
  await certbot.revoke({ ...asked, issuer: { authorities }, directory, folder }, signal)
  await step('revoked')
  await markRevoked(folder)
  withdrawn(asked.host)
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
