import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { type Spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import type { Issuer } from './issuer.ts'

/** ACME Renewal Information (RFC 9773): when an authority wants a certificate to be renewed. */
export interface RenewalInfo {
  readonly start: Date
  readonly end: Date
  /** Page that says why, where there is a reason. */
  readonly explanation: string | undefined
  /** Milliseconds until it may be asked again. */
  readonly askAgain: number
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface RenewalInfoDeps {
  readonly fetch: Fetch
  readonly spawn: Spawn
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** Milliseconds for one answer. */
const patience = 5_000

const earliest = new Date('1970-01-01T00:00:00Z')

const https = z.url({ protocol: /^https$/ })
const directorySchema = z.object({ renewalInfo: https.optional() })
const infoSchema = z.object({
  suggestedWindow: z.object({ start: z.iso.datetime({ offset: true }), end: z.iso.datetime({ offset: true }) }),
  // As an address is written, so without anything that Postgres does not keep or that moves a cursor.
  explanationURL: https
    .max(500)
    .transform(page => new URL(page).href)
    .optional()
    .catch(undefined),
})

/** What the authority says of a certificate; undefined when it does not say such things at all. Throws `failed`. */
export async function askRenewalInfo(
  deps: RenewalInfoDeps,
  issuer: Issuer,
  certificate: string,
  now: Date,
  signal: AbortSignal,
): Promise<RenewalInfo | undefined> {
  const { renewalInfo } = directorySchema.parse(await (await ask(deps, issuer, issuer.directory, signal)).json())
  if (renewalInfo === undefined) return undefined
  const id = await certificateId(deps.spawn, certificate)
  const response = await ask(deps, issuer, `${renewalInfo.replace(/\/$/, '')}/${id}`, signal)
  const { suggestedWindow, explanationURL } = infoSchema.parse(await response.json())
  const [start, end] = [new Date(suggestedWindow.start), new Date(suggestedWindow.end)]
  // Nor one that Postgres has no date for: what cannot be kept would stop the looks at all certificates.
  if (start < earliest) throw new ApplianceError('failed', `the suggested window begins in the year ${start.getUTCFullYear()}`)
  if (end <= start) throw new ApplianceError('failed', `the suggested window ends before it begins: ${start.toISOString()}`)
  return { start, end, explanation: explanationURL, askAgain: retryAfter(response.headers.get('retry-after'), now) }
}

async function ask({ fetch }: RenewalInfoDeps, { authorities }: Issuer, url: string, signal: AbortSignal): Promise<Response> {
  const tls = authorities === undefined ? {} : { tls: { ca: await Bun.file(authorities).text() } }
  const stops = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  const response = await fetch(url, { redirect: 'error', signal: stops, ...tls }).catch(cause => {
    signal.throwIfAborted()
    throw new ApplianceError('failed', `${new URL(url).hostname} does not answer: ${explain(cause)}`, { cause })
  })
  if (response.ok) return response
  await response.body?.cancel()
  throw new ApplianceError('failed', `${new URL(url).hostname} answers ${response.status} for ${new URL(url).pathname}`)
}

/** Seconds or a date, between a minute and a day; six hours where it says nothing (RFC 9773, 4.3). */
export function retryAfter(header: string | null, now: Date): number {
  const told = /^\d+$/.test(header ?? '') ? Number(header) * 1_000 : Date.parse(header ?? '') - now.getTime()
  return Number.isNaN(told) ? 6 * hour : Math.min(Math.max(told, minute), day)
}

/** The certificate's name in this protocol: its issuer's key and its own number (RFC 9773, 4.1). `certificate`: PEM. */
export async function certificateId(spawn: Spawn, certificate: string): Promise<string> {
  const argv = ['/usr/bin/openssl', 'x509', '-noout', '-ext', 'authorityKeyIdentifier']
  const shown = await spawnChecked(spawn, argv, { stdin: certificate })
  const key = /^\s*(?:keyid:)?((?:[0-9A-F]{2}:)+[0-9A-F]{2})\s*$/m.exec(shown)?.[1]
  if (key === undefined) throw new ApplianceError('failed', 'the certificate does not name the key of its authority')
  return `${base64url(key.replaceAll(':', ''))}.${base64url(derInteger(new X509Certificate(certificate).serialNumber))}`
}

const base64url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')

/** The bytes of a positive number as DER writes it: none of them too many, and the first bit is free. */
function derInteger(hex: string): string {
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even
}
