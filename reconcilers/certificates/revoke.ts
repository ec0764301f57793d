import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import type { CertificateItem } from './item.ts'
import { findLeft, givenBefore, type Left } from './left.ts'
import { type ObtainDeps, obtain } from './obtain.ts'
import { givenIn } from './order.ts'
import { hostPlaces } from './places.ts'
import type { Revoking, RevokingLeft } from './plan.ts'
import type { Requests } from './requests.ts'
import { markRevoked } from './revoked.ts'
import type { Authority, StoredCertificate } from './stored.ts'

export interface RevokeDeps extends ObtainDeps {
  readonly home: Home
  readonly requests: Requests
  /** The authority that is declared now; undefined before anything is. */
  readonly issuer: () => Authority | undefined
  /** Has the sites look at once, as one of this host's certificates serves no more. */
  readonly withdrawn: (host: string) => void
}

/**
 * Another one with a new key takes its place first, so that visitors notice nothing. Where none is to be had it is revoked all
 * the same, as that is what was asked for, and until there is one the host serves an older one, or its own.
 */
export async function revoke(deps: RevokeDeps, action: Revoking, context: ApplyContext): Promise<void> {
  const { certificates, requests } = deps
  const { item, certificate, reason, replace } = action
  const { host, issuer } = item
  const missing = replace ? await failureOf(otherServes(deps, action, context)) : undefined
  context.signal.throwIfAborted()
  const left = await findLeft(deps, host, certificate)
  const chain = left && (await chainIn(left))
  if (left !== undefined) {
    await revokeAll(deps, { host, reason }, left, context)
    await forgetOrder(deps, item, chain)
  }
  // One that does not take its place, but serves on until there is one.
  const kept = certificates.issued(item, issuer.directory)
  if (chain !== undefined && kept !== undefined && isOlder(kept, chain))
    await requests.renewInstead({ host, certificate }, kept.id)
  else await requests.close({ host, certificate }, 'revoke')
  await context.step('closed')
  if (missing !== undefined) throw missing
}

const chainIn = ({ folder }: Left): Promise<string> => readFile(join(folder, 'certificate.pem'), 'utf8')

const isOlder = ({ begin }: StoredCertificate, chain: string): boolean => begin < Date.parse(new X509Certificate(chain).validFrom)

/** Obtains another one, unless a good one is there, as of a try whose revocation did not succeed; resolves when it serves. */
async function otherServes(deps: RevokeDeps, { item, certificate, due }: Revoking, context: ApplyContext): Promise<void> {
  const { host, issuer } = item
  const left = await findLeft(deps, host, certificate)
  const chain = left && (await chainIn(left))
  const inUse = deps.certificates.issued(item, issuer.directory)
  const missing = inUse === undefined || inUse.id === certificate || (chain !== undefined && isOlder(inUse, chain))
  if (missing || due) {
    const needy = chain === undefined ? [] : deps.certificates.partOf(item, chain)
    return obtain(deps, { item, rehearsal: false, ahead: false, needy }, context)
  }
  await deps.served({ host, name: host }, deps.certificates.chainOf(host, inUse.id), context.signal)
  await context.step('served')
}

/** Its host is gone, and with it what would take its place. */
export async function revokeLeft(
  deps: RevokeDeps,
  { host, certificate, reason }: RevokingLeft,
  context: ApplyContext,
): Promise<void> {
  const left = await findLeft(deps, host, certificate)
  if (left === undefined) throw new ApplianceError('failed', `the files of the certificate ${certificate} are gone`)
  await revokeAll(deps, { host, reason }, left, context)
  await deps.requests.close({ host, certificate }, 'revoke')
  await context.step('closed')
}

/**
 * Whoever has read a key has read those that lie beside it: with `keycompromise` all that were given before go with it. One
 * that cannot be revoked keeps no other from it.
 */
async function revokeAll(
  deps: RevokeDeps,
  asked: Pick<RevokingLeft, 'host' | 'reason'>,
  named: Left,
  context: ApplyContext,
): Promise<void> {
  const besides = asked.reason === 'keycompromise' ? await givenBefore(deps, asked.host, named) : []
  const failures: unknown[] = []
  for (const each of [named, ...besides]) {
    const failure = await failureOf(revokeAt(deps, asked, each, context))
    context.signal.throwIfAborted()
    if (failure !== undefined) failures.push(failure)
  }
  if (failures.length > 0) throw failures[0]
}

/** By the authority that gave it, whichever is declared now. */
async function revokeAt(
  { certbot, issuer, withdrawn, home }: RevokeDeps,
  asked: Pick<RevokingLeft, 'host' | 'reason'>,
  { folder, directory, authorities: noted }: Left,
  { signal, step }: ApplyContext,
): Promise<void> {
  const now = issuer()
  // Nothing was noted beside what is older than that note.
  const authorities = noted ?? (now?.directory === directory ? now.authorities : undefined)
  await certbot.revoke({ ...asked, issuer: { authorities }, directory, folder }, signal)
  await step('revoked')
  await markRevoked(folder, home)
  withdrawn(asked.host)
}

/** What was revoked is not taken up again. */
async function forgetOrder({ places }: RevokeDeps, { host, issuer }: CertificateItem, chain: string | undefined): Promise<void> {
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
