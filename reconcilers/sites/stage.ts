import { join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { writeFileAtomic } from '../../runtime/os/files.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { shownRepository } from './git-source.ts'
import { modelOf, type UsableCertificate } from './model.ts'
import { readSiteFile } from './observe.ts'
import type { RenderedSite } from './render-site.ts'
import { storedModel } from './stored-model.ts'
import { makeWebRoot } from './web-roots.ts'
import type { World } from './world.ts'

export interface StagedSite {
  readonly domain: DomainDeclaration
  readonly rendered: RenderedSite
  readonly certificate: string | undefined
  /** Release folder to put live; undefined when its files stay. */
  readonly release: string | undefined
}

/** Makes everything that a site needs before nginx hears of it: files, certificate, release. Nothing serves them yet. */
export async function stageSite(
  world: World,
  domain: DomainDeclaration,
  commit: string | undefined,
  oldFile: string | undefined,
  { signal, progress }: Pick<ApplyContext, 'signal' | 'progress'>,
): Promise<StagedSite> {
  const text = oldFile === undefined ? undefined : readSiteFile(join(world.layout.sites, oldFile))
  const before = text === undefined ? undefined : storedModel(text)
  const addresses = domain.kind === 'proxy' ? await upstreamAddresses(world, domain, before?.content) : []
  const certificate = domain.tls === 'none' ? undefined : await certificateFor(world, domain, before?.certificate)
  let release: string | undefined
  if (domain.kind === 'static' && domain.deploy && commit !== undefined) {
    progress(domain.host, `fetching ${domain.deploy.branch} from ${shownRepository(domain.deploy.repo)}`)
    release = await world.deployments.stage(domain.root, domain.deploy, signal)
  }
  if (domain.kind === 'static' && release === undefined) await makeWebRoot(world.home, domain)
  const rendered = world.render(modelOf(domain, { certificate, addresses }), world.context)
  const path = join(world.layout.sites, rendered.file)
  if (readSiteFile(path) !== rendered.text) await writeFileAtomic(path, rendered.text)
  return { domain, rendered, certificate: certificate?.id, release }
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

async function certificateFor(
  { certificates }: World,
  domain: DomainDeclaration,
  current: string | undefined,
): Promise<UsableCertificate> {
  const found = certificates.usable(domain, current)
  if (found !== undefined) return { id: found.id, issued: found.directory !== undefined }
  return { id: await certificates.make(domain), issued: false }
}
