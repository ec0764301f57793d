import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { AccountLimited, accountLimit } from './account-limit.ts'
import type { Attempts } from './attempts.ts'
import type { Certbot } from './certbot.ts'
import { type DnsAnswersDeps, hideAll } from './dns-answers.ts'
import { takeAllAway } from './http-answers.ts'
import { type CertificateItem, namesOf } from './item.ts'
import { givenIn } from './order.ts'
import { type CertbotPlaces, foldersOf, hostPlaces } from './places.ts'
import type { Obtaining } from './plan.ts'
import { needReach, needRecords, type ReachDeps } from './reach.ts'
import { namesIn, Refusal } from './refusal.ts'
import type { Certificates, Issued } from './stored.ts'

/** The site that a certificate is for. */
export interface Sites {
  /** It is being made for this commit right now. */
  isChanging(host: string): boolean
  /** Why it cannot take a certificate up, once it is not being changed any more; undefined when it can. */
  lacks(host: string, signal: AbortSignal): Promise<string | undefined>
}

/** What is to be obtained, and how: see `plan.ts`. */
export type Wish = Omit<Obtaining, 'type'>

export interface ObtainDeps extends ReachDeps, DnsAnswersDeps {
  readonly clock: Clock
  readonly places: CertbotPlaces
  readonly certbot: Certbot
  readonly certificates: Certificates
  readonly attempts: Attempts
  readonly sites: Sites
  /** Until every server of their zones has what was written of these names, or is not waited for; an authority may ask any of them. */
  readonly untilSpread?: (names: readonly string[], tell: (message: string) => void, signal: AbortSignal) => Promise<void>
  /** Has the sites take it up, and resolves when a handshake for the host gets this certificate; throws when none does in time. */
  readonly served: (site: { readonly host: string; readonly name: string }, chain: string, signal: AbortSignal) => Promise<void>
}

/**
 * One certificate for all names. Where that is not to be had, and names are in need, one is asked for without those that the
 * refusal speaks of; that there is none for all of them is told all the same.
 */
export async function obtain(deps: ObtainDeps, { needy, ...wish }: Wish, context: ApplyContext): Promise<void> {
  const { item } = wish
  const kept = await keepPart(deps, item, context)
  const without = needy.filter(name => !kept.includes(name))
  try {
    await ask(deps, wish, context)
  } catch (error) {
    context.signal.throwIfAborted()
    const part = whatCanBeHad(namesOf(item), without, error) ?? namesWithOne(deps, { ...item, part: without })
    if (part.length > 0 && part.length < namesOf(item).length) {
      context.progress(item.host, `asking for ${part.join(', ')} alone: ${explain(error)}`)
      await obtainPart(deps, { ...item, part }, context)
    }
    throw error
  }
  await takeUp(deps, item, context)
}

async function obtainPart(deps: ObtainDeps, item: CertificateItem, context: ApplyContext): Promise<void> {
  const names = namesOf(item)
  try {
    await ask(deps, { item, rehearsal: true, ahead: false }, context)
  } catch (error) {
    context.signal.throwIfAborted()
    // An authority names all that it refuses at once; what is looked at before it is asked is told of one by one.
    const part = error instanceof Refusal ? [] : whatCanBeHad(names, names, error)
    if (part === undefined || part.length === 0) throw error
    return obtainPart(deps, { ...item, part }, context)
  }
  await takeUp(deps, item, context)
}

/**
 * Names that nothing is said against, where some in need are among them; none where the authority takes no questions. Undefined
 * where nothing is said of any name.
 */
function whatCanBeHad(names: readonly string[], needy: readonly string[], error: unknown): readonly string[] | undefined {
  const { notBefore, names: refused = [] } = error instanceof Refusal ? error : {}
  if (notBefore !== undefined || error instanceof AccountLimited) return []
  const words = error instanceof Error ? error.message : ''
  const blamed = namesIn(refused.length > 0 ? refused.join(' ') : words, names)
  if (blamed.length === 0) return undefined
  const others = names.filter(name => !blamed.includes(name))
  return others.some(name => needy.includes(name)) ? others : []
}

const namesWithOne = ({ certificates }: ObtainDeps, item: CertificateItem): readonly string[] =>
  certificates.newest(item).map(({ name }) => name)

/**
 * The authority is asked for an order while the site is being made, and looks for an answer only after site and records are
 * there. Where they do not come the order is left, and no name is looked at in vain: authorities allow few of those (Let's
 * Encrypt 5 of a name in an hour), and many orders (300 of an account in three hours, those that are left among them).
 */
async function ask(deps: ObtainDeps, { item, rehearsal, ahead }: Omit<Wish, 'needy'>, context: ApplyContext): Promise<void> {
  const { signal, step, progress } = context
  const { host, issuer } = item
  const { directory, staging } = issuer
  const left = await leftOf(deps, item)
  // Given and not taken up, because something died in between: the authority is not asked for another one.
  if (left !== undefined && deps.certificates.isFresh(item, left)) return
  await hideLeftovers(deps, host, signal, namesOf(item))
  const ready = groundFor(deps, item, context)
  if (ahead && context.settled !== undefined && deps.sites.isChanging(host)) await needReach(deps, item)
  else await ready()
  if (rehearsal && staging !== undefined) {
    progress(host, `asking ${new URL(staging).hostname} first, because the last try failed`)
    await attempt(deps, item, staging, ready, context)
    await step('rehearsed')
  }
  progress(host, `asking ${new URL(directory).hostname}`)
  await attempt(deps, item, directory, ready, context)
  await step('issued')
}

/** Resolves when it serves. */
async function takeUp(deps: ObtainDeps, item: CertificateItem, context: ApplyContext): Promise<void> {
  const { signal, step } = context
  const { host, issuer } = item
  const { directory, authorities } = issuer
  const { order, socket } = hostPlaces(deps.places, directory, host)
  // What a death left, or a certbot that went on without us; nobody listens at it.
  await rm(socket, { force: true })
  const given = await givenIn(order)
  if (given === undefined) throw new ApplianceError('failed', 'certbot said that it has it, and it is not there')
  await deps.certificates.keep(item, { ...given, directory, authorities })
  await step('kept')
  await context.settled?.()
  await deps.served({ host, name: namesOf(item)[0] ?? host }, given.chain, signal)
  await step('served')
}

/**
 * What was given for some of the names, and not taken up because something died in between: the next order would lose it. The
 * sites have it with their next look; its names, which need no other one.
 */
async function keepPart(deps: ObtainDeps, item: CertificateItem, { step }: ApplyContext): Promise<readonly string[]> {
  const { certificates } = deps
  const left = await leftOf(deps, item)
  if (left === undefined || certificates.isFresh(item, left)) return []
  const part = certificates.partOf(item, left.chain)
  if (part.length === 0 || !certificates.isFresh({ ...item, part }, left)) return []
  await certificates.keep({ ...item, part }, left)
  await step('kept')
  return part
}

/** What the last order was given. */
async function leftOf({ places }: ObtainDeps, { host, issuer }: CertificateItem): Promise<Issued | undefined> {
  const { directory, authorities } = issuer
  const given = await givenIn(hostPlaces(places, directory, host).order)
  return given && { ...given, directory, authorities }
}

/** Waits for what the certificate stands on, once; throws `waiting` when it does not come. */
function groundFor(deps: ObtainDeps, item: CertificateItem, { settled, signal, progress }: ApplyContext): () => Promise<void> {
  let found = false
  return async () => {
    if (found) return
    await settled?.()
    const lack = await deps.sites.lacks(item.host, signal)
    if (lack !== undefined) {
      throw new ApplianceError(
        'waiting',
        `it has no site to serve it, so ${new URL(item.issuer.directory).hostname} is not asked: ${lack}`,
        {
          ...{ subject: `certificate/${item.host}`, hint: `see site/${item.host}` },
        },
      )
    }
    await needReach(deps, item)
    if (item.proof.type === 'http') {
      await needRecords(deps, item)
      await deps.untilSpread?.(namesOf(item), message => progress(item.host, message), signal)
    }
    found = true
  }
}

/**
 * Every try is written down, also one that fails: the authority counts it too. What it stands on may be what is missing: then
 * that is said, and the try counts for nothing. What one host was refused because of the account no other one asks for meanwhile.
 */
async function attempt(
  { certbot, clock, attempts }: ObtainDeps,
  item: CertificateItem,
  directory: string,
  ready: () => Promise<void>,
  context: ApplyContext,
): Promise<void> {
  const { host, issuer, proof } = item
  const at = clock.now()
  const limit = accountLimit(await attempts.ofAccounts(), [directory], at.getTime())
  if (limit !== undefined) throw new AccountLimited(limit)
  try {
    await certbot.obtain({ host, names: namesOf(item), issuer, directory, proof, ready }, context)
  } catch (error) {
    if (error instanceof Refusal) {
      const { notBefore, scope } = error
      if (scope === undefined) await ready()
      await attempts.record({
        host,
        at,
        directory,
        failure: explain(error),
        notBefore,
        ...(scope === undefined ? {} : { scope }),
      })
    }
    throw error
  }
  await attempts.record({ host, at, directory, failure: undefined, notBefore: undefined })
}

/** Answers that a death left, whichever authority they were for; with `names` those of these names have to go. */
export async function hideLeftovers(
  { places, providers }: Pick<ObtainDeps, 'places' | 'providers'>,
  host: string,
  signal: AbortSignal,
  names?: readonly string[],
): Promise<void> {
  for (const folder of await foldersOf(places, host)) {
    await hideAll({ providers }, join(folder, 'shown'), signal, names)
    await takeAllAway(places.challenges, join(folder, 'shown'))
  }
}
