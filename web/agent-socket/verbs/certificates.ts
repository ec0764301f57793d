import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../../runtime/os/errors.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { nginxLayout } from '../../../runtime/services/nginx-layout.ts'

export interface CertificateFacts {
  readonly domain: string
  readonly names: readonly string[]
  readonly issuer: string
  /** Nobody but this server vouches for it. */
  readonly self_signed: boolean
  readonly begins: string
  readonly ends: string
  readonly days_left: number
}

/** The certificate that counts of each host: the newest of an authority, else the newest of our own, or of one; keys are never read. */
export async function certificatesOf(home: Home, host: string | undefined, now: Date): Promise<readonly CertificateFacts[]> {
  const folder = nginxLayout(home).certificates
  // A star is an underscore in the name of a folder, which no host has.
  const hosts = host === undefined ? await namesIn(folder) : [host.replace(/^\*/, '_')]
  const found: CertificateFacts[] = []
  for (const name of hosts) {
    const all: CertificateFacts[] = []
    for (const id of await namesIn(join(folder, name))) {
      if ((await namesIn(join(folder, name, id))).includes('revoked')) continue
      const facts = await readFacts(name.replace(/^_/, '*'), join(folder, name, id, 'certificate.pem'), now)
      if (facts !== undefined) all.push(facts)
    }
    // One of an authority ends sooner than the self-signed one that it took the place of.
    const newest = all.sort((a, b) => Number(a.self_signed) - Number(b.self_signed) || (a.begins < b.begins ? 1 : -1))[0]
    if (newest !== undefined) found.push(newest)
  }
  return found
}

async function readFacts(domain: string, path: string, now: Date): Promise<CertificateFacts | undefined> {
  try {
    const certificate = new X509Certificate(await readFile(path))
    const end = new Date(certificate.validTo)
    return {
      domain,
      names: (certificate.subjectAltName ?? '').split(', ').map(name => name.replace(/^DNS:/, '')),
      issuer: certificate.issuer.replaceAll('\n', ', '),
      self_signed: certificate.issuer === certificate.subject,
      begins: new Date(certificate.validFrom).toISOString(),
      ends: end.toISOString(),
      days_left: Math.floor((end.getTime() - now.getTime()) / 86_400_000),
    }
  } catch {
    return undefined
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(name => !name.startsWith('.')).sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
