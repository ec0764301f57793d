import type { DomainDeclaration } from '../../desired-state/state.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { makeNginxFolders } from '../../runtime/services/nginx.ts'
import type { ApplyContext, Change, Outcome, Reconciler } from '../engine/reconciler.ts'
import { applySites } from './apply.ts'
import { assemble, assembleWhole, rehearse } from './assemble.ts'
import { type DeclaredSite, declaredSites } from './certificates-of.ts'
import { testGeneration } from './configuration-test.ts'
import { publishGeneration, readCurrent } from './generation.ts'
import type { SiteModel } from './model.ts'
import type { ObservedSites } from './observation.ts'
import { observeSites } from './observe.ts'
import { planSites } from './plan.ts'
import type { RenderedSite } from './render-site.ts'
import { createWorld, type SiteAction, type SitesDependencies } from './world.ts'

export type SitesReconciler = Reconciler<DeclaredSite, ObservedSites, SiteAction> & {
  applyBatch(changes: readonly Change<SiteAction>[], context: ApplyContext): Promise<readonly Outcome[]>
}

/** Keeps nginx serving the domains of `domains.yaml`; the key of a site is its host name. */
export function createSitesReconciler(dependencies: SitesDependencies): SitesReconciler {
  const world = createWorld(dependencies)
  const render = remembering(model => world.render(model, world.context))
  const inTurn = oneAtATime()
  const applyBatch = (changes: readonly Change<SiteAction>[], context: ApplyContext) =>
    inTurn(() => applySites(world, changes, context))
  return {
    kind: 'site',
    after: [],
    select: declaredSites,
    observe: (desired, signal) => observeSites(world, desired, signal),
    plan: (desired, observed) => planSites(desired, observed, render),
    applyBatch,
    rehearse: (changes, signal) => inTurn(() => rehearse(world, changes, signal)),
    async apply(change, context) {
      const [outcome] = await applyBatch([change], context)
      if (outcome?.error) throw outcome.error
    },
    weigh,
    precious: domain => domain.kind === 'portal',
  }
}

/**
 * Makes sure that nginx can start: puts our own files right, and leaves out sites that nginx would refuse. With nothing
 * there yet, a configuration without sites. After an upgrade whose rules do not fit the site files of the version before,
 * that version's own configuration serves until the first look has written all of them anew.
 */
export async function ensureConfiguration(dependencies: SitesDependencies): Promise<void> {
  const world = createWorld(dependencies)
  await makeNginxFolders(world.home)
  const current = await readCurrent(world.layout, world.base)
  const signal = AbortSignal.timeout(120_000)
  if (current.damage === undefined && current.number !== undefined) {
    if ((await testGeneration(world, current.number, current.index, signal)).ok) return
  }
  if (current.foreignVersion && current.number !== undefined) {
    const fitting = await assembleWhole(world, current.index, signal)
    if (fitting !== undefined) return publishGeneration(world.layout, fitting)
    if ((await testGeneration(world, current.number, current.index, signal)).ok) return
  }
  const { number } = await assemble(world, current.index, new Map(), signal)
  await publishGeneration(world.layout, number)
}

/** A name that is taken away is as gone for its visitors as a site that is. */
export function weigh(before: DomainDeclaration, after: DomainDeclaration): 'redefine' | 'adjust' {
  const kept = before.aliases.every(alias => after.aliases.includes(alias))
  return kept && meaning(before) === meaning(after) ? 'adjust' : 'redefine'
}

/** What visitors of a domain get; everything else about it is a setting. */
function meaning(domain: DomainDeclaration): string {
  switch (domain.kind) {
    case 'static':
      return `static ${domain.root} ${domain.deploy?.repo ?? ''} ${domain.deploy?.directory ?? ''}`
    case 'proxy':
      return `proxy ${domain.upstream.protocol}://${domain.upstream.host}:${domain.upstream.port}${domain.upstream.path}`
    case 'redirect':
      return `redirect ${domain.to}`
    case 'portal':
      return 'portal'
  }
}

/** Rendering is pure, and a look at a thousand sites that stay the same should not do it again. */
function remembering(render: (model: SiteModel) => RenderedSite): (model: SiteModel) => RenderedSite {
  const known = new Map<string, { readonly input: string; readonly site: RenderedSite }>()
  return model => {
    const input = JSON.stringify(model)
    const found = known.get(model.host)
    if (found?.input === input) return found.site
    const site = render(model)
    known.set(model.host, { input, site })
    return site
  }
}
