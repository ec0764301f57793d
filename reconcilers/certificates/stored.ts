import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, statIfExists, syncDirectory, writeFileAtomic } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import type { NginxLayout } from '../../runtime/services/nginx-layout.ts'
import { hostFolder } from '../sites/harmless.ts'
import { certificateFolder } from '../sites/render-site.ts'
import { moveToArchive } from '../sites/web-roots.ts'
import { usualTime } from './renewal-time.ts'
import { makeSelfSigned, renewalDays } from './self-signed.ts'

const millisecondsOfDay = 86_400_000
/** Certificates kept for each host: the one in use and those it may have to go back to. */
const keptCertificates = 3
/** File beside a certificate that its authority has revoked. */
const revokedMark = 'revoked'

type Names = Pick<DomainDeclaration, 'host' | 'aliases'>

/** Who gave a certificate. */
export interface Authority {
  readonly directory: string
  /** File that its own HTTPS is checked against; undefined for the system's. */
  readonly authorities: string | undefined
}

/** A chain and its key that an authority has given, PEM. */
export interface Issued extends Authority {
  readonly chain: string
  readonly key: string
}

/** What is known of one certificate on disk. Times in milliseconds since 1970. */
export interface StoredCertificate {
  readonly id: string
  readonly names: ReadonlySet<string>
  readonly begin: number
  readonly end: number
  /** Directory of the authority that gave it; undefined when nobody but this server vouches for it. */
  readonly directory: string | undefined
}

/**
 * Certificates lie in folders that never change, named after their content: `certificates/<host>/<id>/certificate.pem`
 * and `key.pem`, beside them `issuer` where an authority gave it. A site's file names one of them, so key and certificate
 * always change together.
 */
export interface Certificates {
  /** The certificate that serves best for all the domain's names; `current`, an id, is preferred among equals. */
  usable(domain: Names & Pick<DomainDeclaration, 'tls'>, current: string | undefined): StoredCertificate | undefined
  /** The newest that an authority gave for all these names, whether it has ended or not. */
  issued(domain: Names, directory: string): StoredCertificate | undefined
  /** PEM of one that is kept; throws when it is not. */
  chainOf(host: string, id: string): string
  /** Makes a self-signed one and gives its id. */
  make(domain: Names): Promise<string>
  /** What certbot has and nobody took up, because something died in between: newer than what is kept, and good for long. */
  isFresh(domain: Names, issued: Issued): boolean
  /** Keeps one that an authority gave, and gives its id; throws `failed` when key, chain and names do not fit together. */
  keep(domain: Names, issued: Issued): Promise<string>
  /** Folder of one that is kept. */
  folderOf(host: string, id: string): string
  /** Removes all but the newest few and `current`. */
  tidy(host: string, current: string): Promise<void>
  archive(home: Home, host: string, name: string): Promise<void>
}

export function createCertificates(layout: NginxLayout, spawn: Spawn, now: () => Date): Certificates {
  const known = new Map<string, { readonly written: string; readonly facts: StoredCertificate | undefined }>()
  const parentOf = (host: string) => join(layout.certificates, hostFolder(host))
  const read = (host: string, id: string): StoredCertificate | undefined => {
    const folder = certificateFolder(layout.prefix, host, id)
    const written = writtenAt(folder)
    if (written === undefined) return undefined
    const cached = known.get(folder)
    if (cached?.written === written) return cached.facts
    const facts = readCertificate(folder, id)
    known.set(folder, { written, facts })
    return facts
  }
  const fitting = ({ host, aliases }: Names): StoredCertificate[] =>
    folderNames(parentOf(host))
      .flatMap(id => read(host, id) ?? [])
      .filter(({ names }) => [host, ...aliases].every(name => names.has(name)))
      .sort(newestFirst)
  const place = async (host: string, fill: (folder: string) => Promise<void>): Promise<string> => {
    const parent = parentOf(host)
    await makeDirectory(parent, 0o700)
    const temporary = join(parent, '.new')
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { mode: 0o700 })
    await fill(temporary)
    const id = contentId(await readFile(join(temporary, 'certificate.pem')))
    await syncDirectory(temporary)
    if (await statIfExists(join(parent, id))) await rm(temporary, { recursive: true })
    else await rename(temporary, join(parent, id))
    await syncDirectory(parent)
    return id
  }

  return {
    usable(domain, current) {
      const all = fitting(domain)
      const left = ({ end }: StoredCertificate) => (end - now().getTime()) / millisecondsOfDay
      const issued = domain.tls === 'acme' ? all.find(one => one.directory !== undefined && left(one) > 0) : undefined
      if (issued !== undefined) return issued
      const own = all.filter(one => one.directory === undefined && left(one) > renewalDays)
      return own.find(({ id }) => id === current) ?? own[0]
    },
    issued: (domain, directory) => fitting(domain).find(one => one.directory === directory),
    folderOf: (host, id) => certificateFolder(layout.prefix, host, id),
    chainOf: (host, id) => readFileSync(join(certificateFolder(layout.prefix, host, id), 'certificate.pem'), 'utf8'),
    make: domain => place(domain.host, folder => makeSelfSigned(spawn, folder, domain)),
    isFresh(domain, issued) {
      const facts = factsOf(issued.chain, '', issued.directory)
      if (facts === undefined || misfit(domain, issued) !== undefined) return false
      const kept = fitting(domain).find(one => one.directory === issued.directory)
      const was = statSync(certificateFolder(layout.prefix, domain.host, contentId(issued.chain)), { throwIfNoEntry: false })
      return was === undefined && facts.begin >= (kept?.begin ?? 0) && now().getTime() < usualTime(facts)
    },
    async keep(domain, issued) {
      const wrong = misfit(domain, issued)
      if (wrong !== undefined) {
        throw new ApplianceError('failed', `the certificate of ${domain.host} cannot be used: ${wrong}`, {
          hint: 'it is asked for again',
        })
      }
      return place(domain.host, async folder => {
        await writeFile(join(folder, 'key.pem'), issued.key, { mode: 0o600, flush: true })
        await writeFile(join(folder, 'issuer'), `${issued.directory}\n${issued.authorities ?? ''}\n`, { flush: true })
        await writeFile(join(folder, 'certificate.pem'), issued.chain, { flush: true })
      })
    },
    async tidy(host, current) {
      const others = folderNames(parentOf(host))
        .filter(id => id !== current)
        .sort((a, b) => (read(host, b)?.begin ?? 0) - (read(host, a)?.begin ?? 0))
      for (const id of others.slice(keptCertificates - 1)) await rm(join(parentOf(host), id), { recursive: true, force: true })
    },
    async archive(home, host, name) {
      const folder = parentOf(host)
      if ((await statIfExists(folder)) && (await readdir(folder)).length > 0) await moveToArchive(home, folder, name)
    },
  }
}

const contentId = (certificate: Uint8Array | string) => createHash('sha256').update(certificate).digest('hex').slice(0, 16)

const newestFirst = (a: StoredCertificate, b: StoredCertificate) => b.begin - a.begin || b.end - a.end || (a.id < b.id ? -1 : 1)

const namesOf = (certificate: X509Certificate) =>
  new Set((certificate.subjectAltName ?? '').split(', ').map(name => name.replace(/^DNS:/, '')))

/** Changes with either file; undefined when one of them is missing, or it was revoked. */
function writtenAt(folder: string): string | undefined {
  const writtenTime = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs
  if (writtenTime(revokedMark) !== undefined) return undefined
  const times = ['key.pem', 'certificate.pem'].map(writtenTime)
  return times.includes(undefined) ? undefined : times.join(' ')
}

/** Undefined for what is no certificate, or none for the key beside it: nginx would refuse both. */
function readCertificate(folder: string, id: string): StoredCertificate | undefined {
  try {
    const chain = readFileSync(join(folder, 'certificate.pem'))
    const key = createPrivateKey(readFileSync(join(folder, 'key.pem')))
    return new X509Certificate(chain).checkPrivateKey(key) ? factsOf(chain, id, directoryOf(folder)) : undefined
  } catch {
    return undefined
  }
}

function factsOf(chain: string | Uint8Array, id: string, directory: string | undefined): StoredCertificate | undefined {
  try {
    const certificate = new X509Certificate(chain)
    const [begin, end] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
    return { id, names: namesOf(certificate), begin, end, directory }
  } catch {
    return undefined
  }
}

function directoryOf(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'issuer'), 'utf8').split('\n')[0] || undefined
  } catch {
    return undefined
  }
}

/** The authority has revoked what is in that folder: neither it nor another one with its key serves any more; the files stay. */
export async function markRevoked(folder: string): Promise<void> {
  const key = publicKeyIn(folder)
  const others = folderNames(dirname(folder)).map(id => join(dirname(folder), id))
  const same = others.filter(other => other !== folder && key !== undefined && publicKeyIn(other)?.equals(key) === true)
  for (const each of [...same, folder]) await writeFileAtomic(join(each, revokedMark), '')
}

function publicKeyIn(folder: string): KeyObject | undefined {
  try {
    return createPublicKey(readFileSync(join(folder, 'key.pem')))
  } catch {
    return undefined
  }
}

/** Who gave the certificate in that folder; undefined where nobody did, or nothing is there. */
export async function authorityOf(folder: string): Promise<Authority | undefined> {
  try {
    const [directory, authorities] = (await readFile(join(folder, 'issuer'), 'utf8')).split('\n')
    return directory ? { directory, authorities: authorities || undefined } : undefined
  } catch {
    return undefined
  }
}

/** Why a chain and a key cannot serve these names. */
function misfit({ host, aliases }: Names, { chain, key }: Issued): string | undefined {
  try {
    const certificate = new X509Certificate(chain)
    const names = namesOf(certificate)
    const missing = [host, ...aliases].filter(name => !names.has(name))
    if (missing.length > 0) return `it is not for ${missing.join(', ')}`
    return certificate.checkPrivateKey(createPrivateKey(key)) ? undefined : 'its key is another one'
  } catch {
    return 'it cannot be read'
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
