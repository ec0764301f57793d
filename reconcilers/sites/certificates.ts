import { createHash, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, statIfExists, syncDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { type Spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import type { NginxLayout } from '../../runtime/services/nginx-layout.ts'
import { hostName } from './harmless.ts'
import { certificateFolder } from './render-site.ts'
import { moveToArchive } from './web-roots.ts'

/** Days that a self-signed certificate lives, and before whose end a new one is made. */
const lifetimeDays = 397
const renewalDays = 30
const millisecondsOfDay = 86_400_000
/** Certificates kept for each host: the one in use and those it may have to go back to. */
const keptCertificates = 3

/**
 * Certificates lie in folders that never change, named after their content: `certificates/<host>/<id>/certificate.pem`
 * and `key.pem`. A site's file names one of them, so key and certificate always change together.
 */
export interface Certificates {
  /** Id of a certificate for all the domain's names that is far from its end; `current` is preferred. */
  usable(domain: DomainDeclaration, current: string | undefined): string | undefined
  /** Makes a self-signed one and gives its id. */
  make(domain: DomainDeclaration): Promise<string>
  /** Removes all but the newest few and `current`. */
  tidy(host: string, current: string): Promise<void>
  archive(home: Home, host: string, name: string): Promise<void>
}

interface Known {
  readonly written: number
  readonly names: ReadonlySet<string>
  readonly end: number
}

export function createCertificates(layout: NginxLayout, spawn: Spawn, now: () => Date): Certificates {
  const known = new Map<string, Known | undefined>()

  const read = (host: string, id: string): Known | undefined => {
    const folder = certificateFolder(layout.prefix, host, id)
    const stat = statSync(join(folder, 'key.pem'), { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    const written = statSync(join(folder, 'certificate.pem'), { throwIfNoEntry: false })?.mtimeMs
    if (written === undefined) return undefined
    const cached = known.get(folder)
    if (cached?.written === written) return cached
    const facts = readCertificate(folder, written)
    known.set(folder, facts)
    return facts
  }

  const ids = (host: string) => folderNames(join(layout.certificates, hostName(host)))

  return {
    usable(domain, current) {
      const names = [domain.host, ...domain.aliases]
      const good = ids(domain.host)
        .map(id => ({ id, facts: read(domain.host, id) }))
        .filter(({ facts }) => facts !== undefined && names.every(name => facts.names.has(name)))
        .filter(({ facts }) => (facts?.end ?? 0) - now().getTime() > renewalDays * millisecondsOfDay)
      if (good.some(({ id }) => id === current)) return current
      return good.sort((a, b) => (b.facts?.end ?? 0) - (a.facts?.end ?? 0) || (a.id < b.id ? -1 : 1))[0]?.id
    },

    async make(domain) {
      const parent = join(layout.certificates, hostName(domain.host))
      await makeDirectory(parent, 0o700)
      const temporary = join(parent, '.new')
      await rm(temporary, { recursive: true, force: true })
      await mkdir(temporary, { mode: 0o700 })
      await spawnChecked(spawn, selfSignedCommand(temporary, domain))
      await chmod(join(temporary, 'key.pem'), 0o600)
      const id = createHash('sha256')
        .update(await readFile(join(temporary, 'certificate.pem')))
        .digest('hex')
        .slice(0, 16)
      await syncDirectory(temporary)
      await rename(temporary, join(parent, id))
      await syncDirectory(parent)
      return id
    },

    async tidy(host, current) {
      const parent = join(layout.certificates, hostName(host))
      const others = ids(host)
        .filter(id => id !== current)
        .sort((a, b) => (read(host, b)?.written ?? 0) - (read(host, a)?.written ?? 0))
      for (const id of others.slice(keptCertificates - 1)) await rm(join(parent, id), { recursive: true, force: true })
    },

    async archive(home, host, name) {
      const folder = join(layout.certificates, hostName(host))
      if ((await statIfExists(folder)) && (await readdir(folder)).length > 0) await moveToArchive(home, folder, name)
    },
  }
}

/** One command makes both files; the key never leaves the folder, which only we can open. */
export function selfSignedCommand(folder: string, { host, aliases }: Pick<DomainDeclaration, 'host' | 'aliases'>): string[] {
  const names = [host, ...aliases].map(name => `DNS:${hostName(name)}`)
  return [
    '/usr/bin/openssl',
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'],
    ...['-days', String(lifetimeDays)],
    ...['-subj', `/CN=${host.length <= 64 ? hostName(host) : 'ai-infrastructure'}`],
    ...['-addext', `subjectAltName=${names.join(',')}`],
    ...['-addext', 'extendedKeyUsage=serverAuth'],
    ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')],
  ]
}

/** Undefined for what is no certificate, or one whose key is another's. */
function readCertificate(folder: string, written: number): Known | undefined {
  try {
    const certificate = new X509Certificate(readFileSync(join(folder, 'certificate.pem')))
    const names = (certificate.subjectAltName ?? '').split(', ').map(name => name.replace(/^DNS:/, ''))
    return { written, names: new Set(names), end: Date.parse(certificate.validTo) }
  } catch {
    return undefined
  }
}

function folderNames(path: string): string[] {
  try {
    return readdirSync(path).filter(name => /^[0-9a-f]{16}$/.test(name))
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
