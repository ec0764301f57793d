import { rm } from 'node:fs/promises'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Change } from '../engine/reconciler.ts'
import { testGeneration, type Verdict } from './configuration-test.ts'
import { generationFolder, writeGeneration } from './generation.ts'
import { rehearsedIndex } from './rehearsal.ts'
import type { SiteIndex } from './render-main.ts'
import type { SiteAction, World } from './world.ts'

export interface Assembly {
  /** A generation that nginx accepts as a whole. */
  readonly number: number
  readonly index: SiteIndex
  /** Changed sites that nginx refuses, with its words; they keep their old file, or none. */
  readonly refused: ReadonlyMap<string, ApplianceError>
}

/**
 * Writes a generation of the old index with the changes in it, and tests it. A site that nginx refuses is left out of
 * the change, alone; so is an unchanged one that has broken meanwhile, whose own look will say so.
 */
export async function assemble(
  world: World,
  old: SiteIndex,
  changes: ReadonlyMap<string, string | undefined>,
  signal: AbortSignal,
): Promise<Assembly> {
  const pending = new Map(changes)
  const base = new Map(old)
  const refused = new Map<string, ApplianceError>()
  for (;;) {
    const index = merged(base, pending)
    const rehearsed = await world.rehearsals.take(index)
    if (rehearsed !== undefined) return { number: rehearsed, index, refused }
    const { number, verdict } = await attempt(world, index, signal)
    if (verdict.ok) return { number, index, refused }
    await rm(generationFolder(world.layout, number), { recursive: true, force: true })
    const culprits = verdict.host === undefined ? await bisect(world, base, pending, signal) : [verdict.host]
    if (culprits.length === 0) {
      throw new ApplianceError('failed', `nginx refuses the configuration as a whole: ${verdict.words}`, {
        hint: 'nothing was changed; it is tried again',
      })
    }
    for (const host of culprits) {
      if (!pending.delete(host)) base.delete(host)
      if (changes.has(host)) refused.set(host, refusal(host, verdict))
    }
  }
}

/** A generation of exactly these sites; undefined when nginx refuses any of it. */
export async function assembleWhole(world: World, index: SiteIndex, signal: AbortSignal): Promise<number | undefined> {
  const { number, verdict } = await attempt(world, index, signal)
  if (verdict.ok) return number
  await rm(generationFolder(world.layout, number), { recursive: true, force: true })
  return undefined
}

/** Does the test of an apply ahead of it, for as many changes as need nothing but files. Nothing that runs changes. */
export async function rehearse(world: World, changes: readonly Change<SiteAction>[], signal: AbortSignal): Promise<void> {
  const index = await rehearsedIndex(world, changes)
  const number = index && (await assembleWhole(world, index, signal))
  if (index !== undefined && number !== undefined) world.rehearsals.keep(number, index)
}

const refusal = (host: string, verdict: Verdict) =>
  new ApplianceError('failed', `nginx refuses it: ${verdict.ok ? 'it failed together with others' : verdict.words}`, {
    subject: `site/${host}`,
    hint: 'its old configuration stays in use',
  })

function merged(base: SiteIndex, changes: ReadonlyMap<string, string | undefined>): SiteIndex {
  const index = new Map(base)
  for (const [host, file] of changes) {
    if (file === undefined) index.delete(host)
    else index.set(host, file)
  }
  return index
}

async function attempt(world: World, index: SiteIndex, signal: AbortSignal) {
  const number = await writeGeneration(world.layout, world.base, index)
  return { number, verdict: await testGeneration(world, number, index, signal) }
}

/** Which of the changes nginx refuses, when its words name none; empty when it refuses the rest too. */
async function bisect(
  world: World,
  base: SiteIndex,
  changes: ReadonlyMap<string, string | undefined>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const passes = async (hosts: readonly string[]) => {
    const index = merged(base, new Map(hosts.map(host => [host, changes.get(host)])))
    const { number, verdict } = await attempt(world, index, signal)
    await rm(generationFolder(world.layout, number), { recursive: true, force: true })
    return verdict.ok
  }
  if (!(await passes([]))) return []
  const search = async (hosts: readonly string[]): Promise<readonly string[]> => {
    if (await passes(hosts)) return []
    if (hosts.length === 1) return hosts
    const middle = hosts.length >> 1
    return [...(await search(hosts.slice(0, middle))), ...(await search(hosts.slice(middle)))]
  }
  return search([...changes.keys()])
}
