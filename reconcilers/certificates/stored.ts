import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { statIfExists } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import type { NginxLayout } from '../../runtime/services/nginx-layout.ts'
import { hostFolder } from '../sites/harmless.ts'
import { certificateFolder } from '../sites/render-site.ts'
import { archiveCertificates } from './archived.ts'
import { type Choice, choose, isFor, newestFirst, type Wanted } from './choose.ts'
import { contentId, folderNames, parentsIn, placeIn } from './folders.ts'
import { type CertificateItem, namesOf } from './item.ts'
import { usualTime } from './renewal-time.ts'
import { copyCertificate, isRevoked } from './revoked.ts'
import { makeSelfSigned, renewalDays } from './self-signed.ts'

const millisecondsOfDay = 86_400_000
/** Certificates kept for each host: the one in use and those it may have to go back to. */
const keptCertificates = 3
/** Hosts whose folders are read without a pause for others. */
const hostsAtOnce = 100

type Names = Pick<CertificateItem, 'host' | 'aliases' | 'part'>

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

/** With the folder that it lies in. */
export interface StoredElsewhere extends StoredCertificate {
  readonly folder: string
}

/**
 * Certificates lie in folders that never change, named after their content: `certificates/<host>/<id>/certificate.pem`
 * and `key.pem`, beside them `issuer` where an authority gave it. A site's file names one of them, so key and certificate
 * always change together.
 */
export interface Certificates {
  /** Which certificate of an authority serves each name; `tls`: `self-signed` has none. */
  chosen(domain: Wanted & Pick<DomainDeclaration, 'tls'>): Choice
  /** One of this server's own for all names that is good for long; one of `current`, ids, before any other. */
  own(domain: Names, current: ReadonlySet<string>): StoredCertificate | undefined
  /** The newest that an authority gave for all these names, whether it has ended or not. */
  issued(domain: Names, directory: string): StoredCertificate | undefined
  /**
   * The newest that any authority gave for each of these names, before those with a star for it, whether it has ended or not;
   * names without one are left out.
   */
  newest(domain: Names): readonly { readonly name: string; readonly certificate: StoredCertificate }[]
  /** What lies in the folders of all hosts and in the archive, to be looked through for a name that has just come to a host. */
  everywhere(home: Pick<Home, 'archive'>): Promise<readonly StoredElsewhere[]>
  /** Takes over what is still good for a name of the domain that its own folder has nothing for; the other folder keeps it, too. */
  inherit(domain: Wanted, everywhere: () => Promise<readonly StoredElsewhere[]>): Promise<void>
  /** PEM of one that is kept; throws when it is not. */
  chainOf(host: string, id: string): string
  /** Makes a self-signed one and gives its id. */
  make(domain: Names): Promise<string>
  /** What certbot has and nobody took up, because something died in between: newer than what is kept, and good for long. */
  isFresh(domain: Names, issued: Issued): boolean
  /** Those of the domain's names that it is for; none when it cannot be read. */
  partOf(domain: Names, chain: string): readonly string[]
  /** Keeps one that an authority gave, and gives its id; throws `failed` when key, chain and names do not fit together. */
  keep(domain: Names, issued: Issued): Promise<string>
  /** Folder of one that is kept. */
  folderOf(host: string, id: string): string
  /**
   * Removes all but those in use and a few more. One of an authority stays until it has ended: its key may turn out to be
   * stolen, and without its files nobody can revoke it, nor go on with a revocation. How many these are is bounded by how
   * many an authority gives in the life of one.
   */
  tidy(host: string, used: readonly string[]): Promise<void>
  /** Moves what a host that goes has to the archive: see `archived.ts`. */
  archive(home: Pick<Home, 'archive'>, host: string): Promise<void>
}

export function createCertificates(layout: NginxLayout, spawn: Spawn, now: () => Date): Certificates {
  const known = new Map<string, { readonly written: string; readonly facts: StoredCertificate | undefined }>()
  const parentOf = (host: string) => join(layout.certificates, hostFolder(host))
  const readAt = (folder: string, id: string): StoredCertificate | undefined => {
    const written = writtenAt(folder)
    if (written === undefined) return undefined
    const cached = known.get(folder)
    if (cached?.written === written) return cached.facts
    const facts = readCertificate(folder, id)
    known.set(folder, { written, facts })
    return facts
  }
  const folderOf = (host: string, id: string) => certificateFolder(layout.prefix, host, id)
  const read = (host: string, id: string) => readAt(folderOf(host, id), id)
  const keptOf = (host: string) => folderNames(parentOf(host)).flatMap(id => read(host, id) ?? [])
  const fitting = (domain: Names): StoredCertificate[] =>
    keptOf(domain.host)
      .filter(one => namesOf(domain).every(name => isFor(one, name)))
      .sort(newestFirst)
  const place = (host: string, fill: (folder: string) => Promise<void>) => placeIn(parentOf(host), fill)

  return {
    chosen(domain) {
      if (domain.tls !== 'acme') return { shares: [], uncovered: namesOf(domain) }
      return choose(domain, keptOf(domain.host), now().getTime())
    },
    own(domain, current) {
      const left = ({ end }: StoredCertificate) => (end - now().getTime()) / millisecondsOfDay
      const all = fitting(domain).filter(one => one.directory === undefined && left(one) > renewalDays)
      return all.find(({ id }) => current.has(id)) ?? all[0]
    },
    issued: (domain, directory) => fitting(domain).find(one => one.directory === directory),
    newest(domain) {
      const kept = keptOf(domain.host).filter(({ directory }) => directory !== undefined)
      kept.sort(newestFirst)
      return namesOf(domain).flatMap(name => {
        const certificate = kept.find(one => one.names.has(name)) ?? kept.find(one => isFor(one, name))
        return certificate === undefined ? [] : [{ name, certificate }]
      })
    },
    async everywhere(home) {
      const found: StoredElsewhere[] = []
      for (const [index, parent] of (await parentsIn(layout, home)).entries()) {
        if (index % hostsAtOnce === 0) await Bun.sleep(0)
        for (const id of folderNames(parent)) {
          const folder = join(parent, id)
          const facts = readAt(folder, id)
          if (facts !== undefined) found.push({ ...facts, folder })
        }
      }
      return found
    },
    async inherit(domain, everywhere) {
      const time = now().getTime()
      const { shares, uncovered } = choose(domain, keptOf(domain.host), time)
      const over = shares.filter(({ certificate }) => certificate.end <= time).flatMap(({ names }) => names)
      const lacking = new Set([...uncovered, ...over])
      if (lacking.size === 0) return
      const isOfUse = (one: StoredElsewhere) =>
        [...lacking].some(name => isFor(one, name)) || [...one.names].some(name => isFor({ names: lacking }, name))
      // They were read a while ago, for many domains: some may be revoked by now.
      const others = (await everywhere()).filter(
        one => dirname(one.folder) !== parentOf(domain.host) && isOfUse(one) && !isRevoked(one.folder),
      )
      const { shares: found } = choose(domain, others, time)
      for (const { certificate, names } of found) {
        const { folder } = others.find(({ id }) => id === certificate.id) ?? {}
        const isNeeded = names.some(name => lacking.has(name) || isFor({ names: lacking }, name))
        if (folder === undefined || certificate.end <= time || !isNeeded) continue
        await place(domain.host, target => copyCertificate(folder, target))
      }
    },
    folderOf,
    chainOf: (host, id) => readFileSync(join(folderOf(host, id), 'certificate.pem'), 'utf8'),
    make: domain => place(domain.host, folder => makeSelfSigned(spawn, folder, domain)),
    isFresh(domain, issued) {
      const facts = factsOf(issued.chain, '', issued.directory)
      if (facts === undefined || misfit(domain, issued) !== undefined) return false
      const kept = fitting(domain).find(one => one.directory === issued.directory)
      const was = statSync(folderOf(domain.host, contentId(issued.chain)), { throwIfNoEntry: false })
      return was === undefined && facts.begin >= (kept?.begin ?? 0) && now().getTime() < usualTime(facts)
    },
    partOf(domain, chain) {
      const facts = factsOf(chain, '', undefined)
      return facts === undefined ? [] : namesOf(domain).filter(name => isFor(facts, name))
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
    async tidy(host, used) {
      const others = folderNames(parentOf(host))
        .filter(id => !used.includes(id))
        .map(id => {
          const { directory, begin = 0, end = 0 } = read(host, id) ?? readCertificate(folderOf(host, id), id) ?? {}
          return { id, begin, stays: Number(directory !== undefined && end > now().getTime()) }
        })
        .sort((a, b) => b.stays - a.stays || b.begin - a.begin)
      for (const { id, stays } of others.slice(keptCertificates - 1))
        if (!stays) await rm(folderOf(host, id), { recursive: true, force: true })
    },
    async archive(home, host) {
      const folder = parentOf(host)
      if ((await statIfExists(folder)) && (await readdir(folder)).length > 0) await archiveCertificates(home, host, folder, now())
    },
  }
}

const subjectsOf = (certificate: X509Certificate) =>
  new Set((certificate.subjectAltName ?? '').split(', ').map(name => name.replace(/^DNS:/, '')))

/** Changes with either file; undefined when one of them is missing, or it was revoked. */
function writtenAt(folder: string): string | undefined {
  const writtenTime = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs
  if (isRevoked(folder)) return undefined
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
    return { id, names: subjectsOf(certificate), begin, end, directory }
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
function misfit(domain: Names, { chain, key }: Issued): string | undefined {
  try {
    const certificate = new X509Certificate(chain)
    const names = subjectsOf(certificate)
    const missing = namesOf(domain).filter(name => !isFor({ names }, name))
    if (missing.length > 0) return `it is not for ${missing.join(', ')}`
    return certificate.checkPrivateKey(createPrivateKey(key)) ? undefined : 'its key is another one'
  } catch {
    return 'it cannot be read'
  }
}
