import type { DomainDeclaration } from '../../desired-state/state.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Change, Obstacle, Plan } from '../engine/reconciler.ts'
import { newCertificate } from './certificate-words.ts'
import { browsersWarn, type DeclaredSite } from './certificates-of.ts'
import { differences } from './differences.ts'
import { modelOf, type SiteModel } from './model.ts'
import type { ObservedSite, ObservedSites } from './observation.ts'
import type { RenderedSite } from './render-site.ts'
import { storedModel } from './stored-model.ts'
import type { SiteAction } from './world.ts'

export type Render = (model: SiteModel) => RenderedSite

type SiteChange = Change<SiteAction>

/** Pure: what is declared against what was seen. */
export function planSites(desired: ReadonlyMap<string, DeclaredSite>, observed: ObservedSites, render: Render): Plan<SiteAction> {
  const changes: SiteChange[] = []
  const obstacles: Obstacle[] = []
  const notes = new Map<string, string>()
  for (const host of [...observed.sites.keys()].filter(name => !desired.has(name)).sort()) {
    const site = observed.sites.get(host)
    if (site) changes.push(removal(host, site, desired))
  }
  for (const domain of [...desired.values()].sort((a, b) => (a.host < b.host ? -1 : 1))) {
    const site = observed.sites.get(domain.host) ?? unseen
    const blocked = blockedBy(domain, site)
    if (blocked !== undefined) obstacles.push(blocked)
    else {
      const change = publication(domain, site, observed, render)
      if (change !== undefined) changes.push(change)
    }
    const limited = blocked ?? limitedBy(domain, site, observed)
    if (limited !== undefined && limited !== blocked) obstacles.push(limited)
    const note = noteOn(domain, site)
    if (note !== undefined) notes.set(domain.host, note)
  }
  return { changes: withRepair(changes, desired, observed), obstacles, notes }
}

const unseen: ObservedSite = {
  file: undefined,
  serving: undefined,
  webRoot: 'absent',
  upstream: undefined,
  certificate: undefined,
  release: undefined,
  removing: undefined,
}

function removal(host: string, site: ObservedSite, desired: ReadonlyMap<string, DomainDeclaration>): SiteChange {
  const model = site.file?.state === 'intact' ? storedModel(site.file.text) : undefined
  const root = model?.content.kind === 'static' ? model.content.root : site.removing?.root
  const shared = [...desired.values()].some(domain => domain.kind === 'static' && domain.root === root)
  const archived = shared ? undefined : root
  return {
    kind: 'site',
    key: host,
    operation: 'delete',
    summary: archived === undefined ? 'stop serving it' : `stop serving it, move www/${archived} to the archive`,
    fields: model === undefined ? [] : differences(model, undefined),
    action: { type: 'remove', root: archived },
  }
}

/** Why nothing can be done for a site; what it served so far goes on. */
function blockedBy(domain: DomainDeclaration, site: ObservedSite): Obstacle | undefined {
  const key = domain.host
  if (domain.kind === 'portal' && domain.tls === 'none') {
    const message = 'the portal goes public only over TLS; write tls: self-signed or tls: acme'
    return { key, state: 'stalled', reason: 'needs-tls', message }
  }
  if (domain.kind !== 'proxy') return undefined
  const { host } = domain.upstream
  if (site.upstream === undefined || site.upstream.state === 'unresolved') {
    const kept = site.file === undefined ? '' : '; what it served so far goes on'
    const message = `the name ${host} has no address now; it is asked for again at each look${kept}`
    return { key, state: 'waiting', reason: 'upstream-unresolved', message }
  }
  if (site.upstream.state === 'refused') {
    const message = `it may not lead to ${site.upstream.why}`
    return { key, state: 'stalled', reason: 'upstream-refused', message }
  }
  return undefined
}

/** What keeps a site that is published from being ready. */
function limitedBy(domain: DomainDeclaration, site: ObservedSite, observed: ObservedSites): Obstacle | undefined {
  const key = domain.host
  if (observed.down !== undefined) return { key, state: 'waiting', reason: 'nginx-down', message: observed.down }
  if (domain.kind === 'proxy' && site.upstream?.state === 'down') {
    const { host, port } = domain.upstream
    const message = `nothing accepts connections at ${host}:${port}; visitors get "502 Bad Gateway" until it does`
    return { key, state: 'waiting', reason: 'upstream-down', message }
  }
  const { release } = site
  if (release?.refused !== undefined && release.refused.commit === release.head) {
    const message = `commit ${release.refused.commit} was not put live: ${release.refused.message}; the next commit is tried again`
    return { key, state: 'stalled', reason: 'release-refused', message }
  }
  if (release?.away !== undefined && release.live === undefined) {
    const message = `its repository does not answer: ${release.away}; it is asked again within a minute`
    return { key, state: 'waiting', reason: 'repository-away', message }
  }
  const warned = domain.tls === 'acme' ? browsersWarn(domain, site.certificate) : undefined
  if (warned !== undefined) return { key, state: 'waiting', reason: 'certificate', message: warned }
  return undefined
}

function noteOn(domain: DomainDeclaration, { release, archived }: ObservedSite): string | undefined {
  if (archived?.back !== undefined) return `its files came back from the archive on ${archived.back.slice(0, 16)}Z`
  if (domain.kind !== 'static' || release?.live === undefined) return undefined
  if (release.away !== undefined) return `serves commit ${release.live}; its repository does not answer: ${release.away}`
  return `serves commit ${release.live}`
}

function publication(domain: DeclaredSite, site: ObservedSite, observed: ObservedSites, render: Render): SiteChange | undefined {
  const addresses = site.upstream !== undefined && 'addresses' in site.upstream ? site.upstream.addresses : []
  const model = modelOf(domain, { certificate: site.certificate, addresses })
  const commit = newCommit(site)
  const change = (operation: 'create' | 'update', summary: string, before?: SiteModel): SiteChange => ({
    kind: 'site',
    key: domain.host,
    operation,
    summary,
    fields: differences(
      before,
      { ...model, certificate: domain.tls === 'none' ? undefined : 'yes' },
      commit === undefined ? undefined : { before: site.release?.live, after: commit },
    ),
    action: { type: 'publish', domain, commit },
  })
  const files = waiting(site)
  if (site.file === undefined)
    return change('create', `${describe(domain)}${files === undefined ? '' : `, with its files from ${files}`}`)
  if (domain.tls !== 'none' && site.certificate === undefined) {
    const before = storedModel(site.file.text)
    const isRenamed = before?.certificate !== undefined && before.aliases.join() !== model.aliases.join()
    return isRenamed ? change('update', describe(domain), before) : change('update', 'make a new certificate')
  }
  const expected = rendered(render, model)
  const { name, state, text } = site.file
  if (expected instanceof ApplianceError) return change('update', explain(expected))
  if (state !== 'intact') {
    const happened = state === 'absent' ? 'was deleted' : 'was edited by hand'
    return change('update', `put back ${domain.host}: its file ${happened}`)
  }
  if (name !== expected.file || text !== expected.text) {
    const before = storedModel(text)
    const same = before !== undefined && JSON.stringify(before) === JSON.stringify(model)
    if (same) return change('update', 'render it with the rules of this version', before)
    return change('update', newCertificate(before, model, site.certificate) ?? describe(domain), before)
  }
  if (site.removing !== undefined) return change('update', 'keep it: its removal is called off', model)
  if (commit !== undefined) return change('update', `deploy commit ${commit}`, model)
  if (site.webRoot === 'absent') {
    const made = files === undefined ? 'make its web root again' : `bring its web root back from ${files}`
    return change('update', `${made}: it was gone`, model)
  }
  if (observed.down === undefined && site.release?.unchecked) return change('update', 'look at the release that is live', model)
  if (observed.down === undefined && site.serving !== expected.fingerprint) {
    return change('update', 'reload nginx: it does not serve this version yet', model)
  }
  return undefined
}

/** Where files lie that its web root can have again. */
const waiting = ({ webRoot, archived }: ObservedSite): string | undefined =>
  webRoot === 'present' || archived === undefined || archived.back !== undefined ? undefined : `archive/${archived.name}`

/** The commit to deploy, if it is another than the one that is live and was not refused before. */
function newCommit({ release }: ObservedSite): string | undefined {
  if (release?.head === undefined || release.head === release.live || release.refused?.commit === release.head) return undefined
  return release.head
}

function rendered(render: Render, model: SiteModel): RenderedSite | ApplianceError {
  try {
    return render(model)
  } catch (error) {
    if (error instanceof ApplianceError) return error
    throw error
  }
}

function describe(domain: DomainDeclaration): string {
  switch (domain.kind) {
    case 'static':
      return `serve www/${domain.root}`
    case 'proxy':
      return `proxy to ${domain.upstream.protocol}://${domain.upstream.host}:${domain.upstream.port}${domain.upstream.path}`
    case 'redirect':
      return `redirect to ${domain.to}`
    case 'portal':
      return 'serve the portal'
  }
}

/** Damage around the sites is healed by any change; when there is none, the first site carries the repair. */
function withRepair(
  changes: readonly SiteChange[],
  desired: ReadonlyMap<string, DeclaredSite>,
  { damage, sites }: ObservedSites,
): readonly SiteChange[] {
  if (damage === undefined || changes.length > 0) return changes
  const host = [...desired.keys()].filter(name => sites.get(name)?.file !== undefined).sort()[0]
  const domain = host === undefined ? undefined : desired.get(host)
  if (host === undefined || domain === undefined) return changes
  const action: SiteAction = { type: 'publish', domain, commit: undefined }
  return [
    { kind: 'site', key: host, operation: 'update', summary: `put back nginx's configuration: ${damage}`, fields: [], action },
  ]
}
