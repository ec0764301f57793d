import { join } from 'node:path'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { writeFileAtomic } from '../../runtime/os/files.ts'
import { makeNginxFolders } from '../../runtime/services/nginx.ts'
import type { ApplyContext, Change, Outcome } from '../engine/reconciler.ts'
import { noteArchived } from './archived-roots.ts'
import { assemble } from './assemble.ts'
import { testGeneration } from './configuration-test.ts'
import { type CurrentGeneration, collectGarbage, publishGeneration, readCurrent } from './generation.ts'
import { seesFolders } from './nginx-down.ts'
import { readSiteFile } from './observe.ts'
import { type Expected, frontPageFails, reloadAndProbe, unexpected } from './reload.ts'
import { beginRemoval, endRemoval } from './removals.ts'
import { fingerprintStart } from './render-site.ts'
import { type StagedSite, stageSite } from './stage.ts'
import { storedModel } from './stored-model.ts'
import { archiveWebRoot, makeWebRoot } from './web-roots.ts'
import type { SiteAction, World } from './world.ts'

type SiteChange = Change<SiteAction>

/** Sites staged and made at the same time. */
const concurrency = 8

/** One apply on its way: what is staged, what is gone, what failed so far. */
interface Batch {
  readonly world: World
  readonly context: ApplyContext
  readonly staged: Map<string, StagedSite>
  readonly removals: ReadonlyMap<string, Extract<SiteAction, { type: 'remove' }>>
  readonly failures: Map<string, Error>
}

/**
 * All changes with one test and one reload of nginx. A site that cannot be made, that nginx refuses or that does not
 * come up fails alone and keeps what it had.
 */
export async function applySites(
  world: World,
  changes: readonly SiteChange[],
  context: ApplyContext,
): Promise<readonly Outcome[]> {
  await context.step('begin')
  await makeNginxFolders(world.home)
  const current = await readCurrent(world.layout, world.base)
  const batch = await stageAll(world, changes, context, current)
  await context.step('staged')
  for (const [host, { root }] of batch.removals) await beginRemoval(world.layout, host, { root })
  await switchReleases(batch)
  await context.step('released')
  const live = await publish(batch, current)
  await context.step('verified')
  await judgeReleases(batch)
  await finishRemovals(batch)
  await context.step('archived')
  await tidy(batch, live)
  await context.step('done')
  return changes.map(({ key }) => {
    const error = batch.failures.get(key)
    return error === undefined ? { key } : { key, error }
  })
}

async function stageAll(
  world: World,
  changes: readonly SiteChange[],
  context: ApplyContext,
  current: CurrentGeneration,
): Promise<Batch> {
  const staged = new Map<string, StagedSite>()
  const failures = new Map<string, Error>()
  const removals = new Map<string, Extract<SiteAction, { type: 'remove' }>>()
  const waiting: { readonly host: string; readonly action: Extract<SiteAction, { type: 'publish' }> }[] = []
  for (const { key, action } of changes) {
    if (action.type === 'remove') removals.set(key, action)
    else waiting.push({ host: key, action })
  }
  const everywhere = once(() => world.certificates.everywhere(world.home))
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      context.signal.throwIfAborted()
      const { host, action } = next
      try {
        staged.set(host, await stageSite(world, action.domain, action.commit, current.index.get(host), everywhere, context))
        await endRemoval(world.layout, host)
      } catch (error) {
        context.signal.throwIfAborted()
        failures.set(host, asError(error))
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return { world, context, staged, removals, failures }
}

async function switchReleases({ world, staged, failures }: Batch): Promise<void> {
  for (const [host, { domain, release }] of staged) {
    if (release === undefined || domain.kind !== 'static') continue
    try {
      await world.deployments.switchTo(domain.root, release)
    } catch (error) {
      failures.set(host, asError(error))
      staged.delete(host)
    }
  }
}

/** Brings nginx to the new sites, or back; gives the number of the generation that is current afterwards. */
async function publish(batch: Batch, current: CurrentGeneration): Promise<number | undefined> {
  const { world, context, staged, removals, failures } = batch
  const files = new Map<string, string | undefined>([...staged].map(([host, { rendered }]) => [host, rendered.file]))
  for (const host of removals.keys()) files.set(host, undefined)
  if (files.size === 0) return current.number
  if (await isServed(batch, current)) return current.number
  if (current.foreignVersion) for (const [host, file] of await renderedAnew(world, current, files)) files.set(host, file)
  const assembly = await assemble(world, current.index, files, context.signal)
  for (const [host, error] of assembly.refused) {
    failures.set(host, error)
    staged.delete(host)
  }
  await context.step('tested')
  await publishGeneration(world.layout, assembly.number)
  await context.step('switched')
  const { failed, taken } = await reloadAndProbe(world, expectedOf(batch, current), context.signal)
  await context.step('reloaded')
  const pages = await badFrontPages(batch, failed)
  if (failed.size === 0 && pages.size === 0) return assembly.number
  for (const [host, error] of [...failed, ...pages]) {
    failures.set(host, error)
    staged.delete(host)
  }
  if (world.nginx.pid() === undefined) return assembly.number
  if (!taken && current.number !== undefined) {
    const { ok } = await testGeneration(world, current.number, current.index, context.signal)
    if (ok) {
      await publishGeneration(world.layout, current.number)
      return current.number
    }
  }
  return goBack(batch, current, [...failed.keys(), ...pages.keys()], assembly.index)
}

/**
 * The sites that stay, in the words of this version: files of another one need not fit our nginx.conf, and a single site
 * that cannot be staged now would keep all others from it.
 */
async function renderedAnew(world: World, { index }: CurrentGeneration, changed: ReadonlyMap<string, unknown>) {
  const anew = new Map<string, string>()
  for (const [host, file] of index) {
    const text = changed.has(host) ? undefined : readSiteFile(join(world.layout.sites, file))
    const model = text === undefined ? undefined : storedModel(text)
    if (model === undefined) continue
    const rendered = world.render(model, world.context)
    await writeFileAtomic(join(world.layout.sites, rendered.file), rendered.text)
    anew.set(host, rendered.file)
  }
  return anew
}

/** Whether nginx serves all of it as it is: then only files have changed, and it needs no reload. */
async function isServed(batch: Batch, current: CurrentGeneration): Promise<boolean> {
  if (current.damage !== undefined || !seesFolders(batch.world)) return false
  if ([...batch.removals.keys()].some(host => current.index.has(host))) return false
  if ([...batch.staged].some(([host, { rendered }]) => current.index.get(host) !== rendered.file)) return false
  return (await unexpected(batch.world, expectedOf(batch, current)))?.length === 0
}

function expectedOf({ staged, removals }: Batch, current: CurrentGeneration): Expected {
  const expected = new Map<string, { is: string } | { not: string }>()
  for (const [host, { rendered }] of staged) expected.set(host, { is: rendered.fingerprint })
  for (const host of removals.keys()) {
    const file = current.index.get(host)
    // Another site may have the name as an alias by now.
    if (file !== undefined) expected.set(host, { not: fingerprintStart(file) })
  }
  return expected
}

/** Static sites and redirects whose front page is a server error. Applications answer for themselves. */
async function badFrontPages(batch: Batch, failed: ReadonlyMap<string, Error>): Promise<ReadonlyMap<string, ApplianceError>> {
  const bad = new Map<string, ApplianceError>()
  const hosts = [...batch.staged]
    .filter(([host, { domain }]) => !failed.has(host) && (domain.kind === 'static' || domain.kind === 'redirect'))
    .map(([host]) => host)
  await Promise.all(
    hosts.slice(0, 64).map(async host => {
      const problem = await frontPageFails(batch.world, host, 500)
      if (problem !== undefined)
        bad.set(host, new ApplianceError('failed', problem, { hint: 'its old configuration was put back' }))
    }),
  )
  return bad
}

/** Gives sites that did not come up their old file, or none if they are new; the others keep the new one. */
async function goBack(batch: Batch, current: CurrentGeneration, hosts: readonly string[], index: ReadonlyMap<string, string>) {
  const { world, context } = batch
  const files = new Map(hosts.map(host => [host, current.index.get(host)]))
  const { number } = await assemble(world, index, files, context.signal)
  await publishGeneration(world.layout, number)
  await context.step('put back')
  await reloadAndProbe(world, expectedOf(batch, current), context.signal)
  return number
}

/** A release whose front page is an error goes; what was there before comes back. */
async function judgeReleases({ world, context, staged, failures }: Batch): Promise<void> {
  for (const [host, { domain }] of staged) {
    if (domain.kind !== 'static' || domain.deploy === undefined) continue
    const pending = await world.deployments.pending(domain.root)
    if (pending === undefined) continue
    const problem = await frontPageFails(world, host, 400)
    if (problem === undefined) {
      await world.deployments.accept(domain.root)
      world.deployed?.([domain.host, ...domain.aliases])
    } else {
      await context.step('taking back')
      await world.deployments.refuse(domain.root, domain.deploy, pending, problem)
      await makeWebRoot(world.home, domain)
      await context.step('taken back')
      failures.set(host, new ApplianceError('stalled', `the release was taken back: ${problem}`, { subject: `site/${host}` }))
    }
  }
}

async function finishRemovals({ world, context, removals, failures }: Batch): Promise<void> {
  const now = world.clock.now()
  for (const [host, { root }] of removals) {
    if (failures.has(host)) continue
    try {
      const noted = (name: string) => (root === undefined ? Promise.resolve() : noteArchived(world.home, host, { root, name }))
      if (root !== undefined) await archiveWebRoot(world.home, root, now, noted)
      await world.certificates.archive(world.home, host)
      await context.step('files archived')
      await endRemoval(world.layout, host)
    } catch (error) {
      context.signal.throwIfAborted()
      failures.set(host, asError(error))
    }
  }
}

async function tidy({ world, staged }: Batch, live: number | undefined): Promise<void> {
  const unimportant = (error: unknown) => world.log.warn('not tidied', { error: explain(error) })
  if (live !== undefined) await collectGarbage(world.layout, live).catch(unimportant)
  for (const [host, { domain, certificates, release }] of staged) {
    if (certificates.length > 0) await world.certificates.tidy(host, certificates).catch(unimportant)
    if (release !== undefined && domain.kind === 'static') await world.deployments.tidy(domain.root).catch(unimportant)
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

function once<Found>(look: () => Promise<Found>): () => Promise<Found> {
  let found: Promise<Found> | undefined
  return () => {
    found ??= look()
    return found
  }
}
