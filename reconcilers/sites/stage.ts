import { join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { writeFileAtomic } from '../../runtime/os/files.ts'
import type { StoredElsewhere } from '../certificates/stored.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { bringBack } from './archived-roots.ts'
import { type DeclaredSite, servedBy, usableFor } from './certificates-of.ts'
import { shownRepository } from './git-source.ts'
import { modelOf, type UsableCertificate } from './model.ts'
import { certificatesIn, readSiteFile } from './observe.ts'
import type { RenderedSite } from './render-site.ts'
import { storedModel } from './stored-model.ts'
import { makeWebRoot } from './web-roots.ts'
import type { World } from './world.ts'

export interface StagedSite {
  readonly domain: DomainDeclaration
  readonly rendered: RenderedSite
  /** Ids of the certificates that it serves. */
  readonly certificates: readonly string[]
  /** Release folder to put live; undefined when its files stay. */
  readonly release: string | undefined
}

/** What lies in the folders of all hosts; read once for all changes. */
export type Everywhere = () => Promise<readonly StoredElsewhere[]>

/** Makes everything that a site needs before nginx hears of it: files, certificate, release. Nothing serves them yet. */
export async function stageSite(
  world: World,
  domain: DeclaredSite,
  commit: string | undefined,
  oldFile: string | undefined,
  everywhere: Everywhere,
  { signal, progress }: Pick<ApplyContext, 'signal' | 'progress'>,
): Promise<StagedSite> {
  const text = oldFile === undefined ? undefined : readSiteFile(join(world.layout.sites, oldFile))
  const before = text === undefined ? undefined : storedModel(text)
  const addresses = domain.kind === 'proxy' ? await upstreamAddresses(world, domain, before?.content) : []
  const current = certificatesIn(before === undefined ? '' : (text ?? ''))
  const certificate = domain.tls === 'none' ? undefined : await certificateFor(world, domain, current, everywhere)
  let release: string | undefined
  if (domain.kind === 'static' && domain.deploy && commit !== undefined) {
    progress(domain.host, `fetching ${domain.deploy.branch} from ${shownRepository(domain.deploy.repo)}`)
    release = await world.deployments.stage(domain.root, domain.deploy, signal)
  }
  if (domain.kind === 'static' && release === undefined && !(await bringBack(world.home, domain, world.clock.now())))
    await makeWebRoot(world.home, domain)
  const rendered = world.render(modelOf(domain, { certificate, addresses }), world.context)
  const path = join(world.layout.sites, rendered.file)
  if (readSiteFile(path) !== rendered.text) await writeFileAtomic(path, rendered.text)
  return { domain, rendered, certificates: [...certificatesIn(rendered.text)], release }
}

async function upstreamAddresses(
  world: World,
  domain: Extract<DomainDeclaration, { kind: 'proxy' }>,
  before: ReturnType<typeof modelOf>['content'] | undefined,
): Promise<readonly string[]> {
  const facts = await world.upstreams.addresses(domain, before?.kind === 'proxy' ? before.addresses : [])
  if ('addresses' in facts) return facts.addresses
  if (facts.state === 'refused') throw new ApplianceError('stalled', `it may not lead to ${facts.why}`)
  throw new ApplianceError('waiting', `the name ${domain.upstream.host} has no address now`)
}

/** A name that came from another host brings its certificate with it, so that it is not without one until there is a new one. */
async function certificateFor(
  { certificates, clock }: World,
  domain: DeclaredSite,
  current: ReadonlySet<string>,
  everywhere: Everywhere,
): Promise<UsableCertificate> {
  const now = clock.now().getTime()
  if (domain.tls === 'acme') await certificates.inherit(domain, everywhere)
  const found = usableFor(certificates, domain, current, now)
  if (found !== undefined) return found
  const own = await certificates.make(domain)
  return servedBy(domain, certificates.chosen(domain), own, now) ?? { id: own, issued: false }
}
