import { join } from 'node:path'
import { readTextIfExists, writeFileAtomic } from '../../runtime/os/files.ts'
import type { Change } from '../engine/reconciler.ts'
import { generationFolder, readCurrent } from './generation.ts'
import { modelOf } from './model.ts'
import { readSiteFile } from './observe.ts'
import { renderIndex, type SiteIndex } from './render-main.ts'
import type { RenderedSite } from './render-site.ts'
import type { SiteAction, World } from './world.ts'

/** A generation that nginx has accepted and nothing points to. */
interface Rehearsed {
  readonly number: number
  /** Its list of sites; every file in it is named by its content. */
  readonly text: string
  readonly at: Date
}

/** Remembers the last generation that was tested ahead of its apply. */
export interface Rehearsals {
  keep(number: number, index: SiteIndex): void
  /** The number of a generation of just these sites that was tested moments ago; each serves once. */
  take(index: SiteIndex): Promise<number | undefined>
}

/** Milliseconds; what is older may have broken in the meantime. */
const fresh = 5_000

export function createRehearsals({ layout, clock }: Pick<World, 'layout' | 'clock'>): Rehearsals {
  let last: Rehearsed | undefined
  return {
    keep(number, index) {
      last = { number, text: renderIndex(index), at: clock.now() }
    },
    async take(index) {
      const found = last
      last = undefined
      if (found === undefined || clock.now().getTime() - found.at.getTime() > fresh) return undefined
      if (found.text !== renderIndex(index)) return undefined
      const there = await readTextIfExists(join(generationFolder(layout, found.number), 'sites.conf'))
      return there === found.text ? found.number : undefined
    },
  }
}

/** More than that would keep nginx's test from the apply for long. */
const most = 50

/**
 * What the sites would be after these changes, with their files written; undefined when that takes more than files: an
 * address, a certificate, a release.
 */
export async function rehearsedIndex(world: World, changes: readonly Change<SiteAction>[]): Promise<SiteIndex | undefined> {
  const sites = changes.map(change => rehearsedSite(world, change))
  if (changes.length === 0 || changes.length > most || sites.includes(undefined)) return undefined
  const current = await readCurrent(world.layout, world.base)
  if (current.damage !== undefined) return undefined
  const index = new Map(current.index)
  for (const site of sites) {
    if (site === undefined) continue
    if ('gone' in site) index.delete(site.gone)
    else {
      const path = join(world.layout.sites, site.file)
      if (readSiteFile(path) !== site.text) await writeFileAtomic(path, site.text)
      index.set(site.host, site.file)
    }
  }
  return index
}

function rehearsedSite(world: World, { key, action }: Change<SiteAction>): RenderedSite | { readonly gone: string } | undefined {
  if (action.type === 'remove') return { gone: key }
  const { domain, commit } = action
  if (domain.kind === 'proxy' || domain.tls !== 'none' || commit !== undefined) return undefined
  return world.render(modelOf(domain, { certificate: undefined, addresses: [] }), world.context)
}
