import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import type { Attempt, Attempts } from './attempts.ts'
import type { CertificateItem } from './item.ts'
import { type Certificates, renewalTime, type StoredCertificate } from './stored.ts'

export interface ObservedCertificate {
  /** The newest of the declared authority for all names. */
  readonly issued: StoredCertificate | undefined
  /** It has to be renewed by now. */
  readonly due: boolean
  readonly daysLeft: number | undefined
  /** The newest first. */
  readonly attempts: readonly Attempt[]
  /** No more tries until then. */
  readonly pausedUntil: Date | undefined
}

export interface ObservedCertificates {
  readonly certificates: ReadonlyMap<string, ObservedCertificate>
  /** Hosts that certbot keeps something of. */
  readonly kept: ReadonlySet<string>
}

export interface ObserveDeps {
  readonly certificates: Certificates
  readonly attempts: Attempts
  readonly clock: Clock
  /** Folder of certbot. */
  readonly folder: string
}

const day = 86_400_000
const hour = 3_600_000
/** Failed tries of one host in one hour. */
const mostFailures = 3

export async function observeCertificates(
  { certificates, attempts, clock, folder }: ObserveDeps,
  desired: ReadonlyMap<string, CertificateItem>,
): Promise<ObservedCertificates> {
  const recent = await attempts.recent([...desired.keys()])
  const now = clock.now().getTime()
  const found = new Map<string, ObservedCertificate>()
  for (const item of desired.values()) {
    const issued = certificates.issued(item, item.issuer.directory)
    const tried = recent.get(item.host) ?? []
    found.set(item.host, {
      issued,
      due: issued !== undefined && now >= renewalTime(issued),
      daysLeft: issued && Math.floor((issued.end - now) / day),
      attempts: tried,
      pausedUntil: pause(tried, now),
    })
  }
  return { certificates: found, kept: await hostsIn(folder) }
}

function pause(attempts: readonly Attempt[], now: number): Date | undefined {
  const failures = attempts.filter(({ failure, at }) => failure !== undefined && at.getTime() > now - hour)
  const oldest = failures.at(mostFailures - 1)
  return oldest === undefined ? undefined : new Date(oldest.at.getTime() + hour)
}

/** Lineages below `<issuer>/config/live`. */
async function hostsIn(folder: string): Promise<ReadonlySet<string>> {
  const issuers = await namesIn(folder)
  const hosts = await Promise.all(issuers.map(issuer => namesIn(join(folder, issuer, 'config', 'live'))))
  return new Set(hosts.flat().filter(name => name !== 'README'))
}

export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
