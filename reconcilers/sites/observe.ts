import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import { archivedRoots } from './archived-roots.ts'
import { type DeclaredSite, usableFor } from './certificates-of.ts'
import { readCurrent } from './generation.ts'
import { seesFolders, whyDown } from './nginx-down.ts'
import type { ObservedSite, ObservedSites } from './observation.ts'
import { probeHosts } from './probe.ts'
import { readRemovals } from './removals.ts'
import { readSeal } from './seal.ts'
import { storedModel } from './stored-model.ts'
import { webRootExists } from './web-roots.ts'
import type { World } from './world.ts'

/** Files read without a pause for others. */
const batch = 200
/** Names asked for, and connections tried, at the same time. */
const concurrency = 32

/** Reads every file of ours back and asks the running nginx about every host. Changes nothing. */
export async function observeSites(
  world: World,
  desired: ReadonlyMap<string, DeclaredSite>,
  signal: AbortSignal,
): Promise<ObservedSites> {
  const { layout, base, home } = world
  const current = await readCurrent(layout, base)
  const removing = await readRemovals(layout)
  const hosts = [...new Set([...desired.keys(), ...current.index.keys(), ...removing.keys()])]
  const probing = probeHosts(home.probeSocket, hosts)
  const files = await readFiles(world, current.index)
  const outside = await lookOutside(world, desired, files, signal)
  const archived = await archivedRoots(
    home,
    [...desired.values()].filter(domain => domain.kind === 'static'),
  )
  const answers = await probing
  signal.throwIfAborted()
  const now = world.clock.now().getTime()
  const sites = new Map<string, ObservedSite>()
  for (const host of hosts) {
    const domain = desired.get(host)
    const file = files.get(host)
    const before = archived.get(host)
    sites.set(host, {
      file,
      serving: answers?.get(host),
      webRoot: domain?.kind !== 'static' || webRootExists(home, domain.root) ? 'present' : 'absent',
      ...(before !== undefined && { archived: before }),
      upstream: outside.get(host)?.upstream,
      certificate: domain && domain.tls !== 'none' ? usableFor(world.certificates, domain, currentIn(file), now) : undefined,
      release: outside.get(host)?.release,
      removing: removing.get(host),
    })
  }
  return { down: answers === undefined ? whyDown(world) : undefined, damage: current.damage ?? staleFolders(world), sites }
}

const staleFolders = (world: World) => (seesFolders(world) ? undefined : 'nginx has a folder open that was deleted')

type FoundFile = NonNullable<ObservedSite['file']>

const currentIn = (file: FoundFile | undefined) => certificatesIn(file?.state === 'intact' ? file.text : '')

/** Ids of the certificates that a site's file names. */
export const certificatesIn = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/^ {2}ssl_certificate ".*\/([0-9a-f]+)\/certificate\.pem";$/gm)].flatMap(([, id]) => id ?? []))

/** Small files in the cache of the system: reading them one by one is several times as fast as through the thread pool. */
async function readFiles(world: World, index: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, FoundFile>> {
  const found = new Map<string, FoundFile>()
  for (const [host, name] of index) {
    const text = readSiteFile(join(world.layout.sites, name))
    const state = text === undefined ? 'absent' : readSeal(text) === 'intact' ? 'intact' : 'edited'
    found.set(host, { name, state, text: text ?? '' })
    if (found.size % batch === 0) await Bun.sleep(0)
  }
  return found
}

export function readSiteFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    // Not as we made it: to be made again, and no reason to be blind for all others.
    if (code === 'EISDIR' || code === 'EACCES' || code === 'ELOOP') return ''
    throw error
  }
}

type Outside = Pick<ObservedSite, 'upstream' | 'release'>

/** What lies beyond this machine's files: names, other servers, repositories. */
async function lookOutside(
  world: World,
  desired: ReadonlyMap<string, DomainDeclaration>,
  files: ReadonlyMap<string, FoundFile>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Outside>> {
  const found = new Map<string, Outside>()
  const waiting = [...desired.values()].filter(
    domain => domain.kind === 'proxy' || (domain.kind === 'static' && domain.deploy !== undefined),
  )
  const work = async () => {
    for (let domain = waiting.pop(); domain !== undefined; domain = waiting.pop()) {
      signal.throwIfAborted()
      if (domain.kind === 'proxy') {
        const upstream = await world.upstreams.look(domain, addressesOf(files.get(domain.host)))
        found.set(domain.host, { upstream, release: undefined })
      } else if (domain.kind === 'static' && domain.deploy !== undefined) {
        const release = await world.deployments.look(domain.root, domain.deploy, signal)
        found.set(domain.host, { upstream: undefined, release })
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, work))
  return found
}

/** Upstream addresses that a site's file has now. */
export function addressesOf(file: FoundFile | undefined): readonly string[] {
  const content = file?.state === 'intact' ? storedModel(file.text)?.content : undefined
  return content?.kind === 'proxy' ? content.addresses : []
}
