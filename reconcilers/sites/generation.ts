import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import {
  makeDirectory,
  readLinkIfExists,
  readTextIfExists,
  replaceLink,
  statIfExists,
  syncDirectory,
  writeFileAtomic,
} from '../../runtime/os/files.ts'
import { configurationOf, type NginxLayout } from '../../runtime/services/nginx-layout.ts'
import type { RenderContext } from './model.ts'
import { readIndex, renderIndex, renderMain, type SiteIndex } from './render-main.ts'
import { readSeal } from './seal.ts'
import { renderSnippets } from './snippets.ts'

/** nginx.conf and the snippets of this version of the program, by path below their folder. */
export interface Base {
  readonly folder: string
  readonly files: ReadonlyMap<string, string>
}

export interface CurrentGeneration {
  readonly number: number | undefined
  readonly index: SiteIndex
  /** What somebody changed by hand around the sites, for a person; undefined when all is as we wrote it. */
  readonly damage: string | undefined
  /** It is whole, and another version of the program wrote it. */
  readonly foreignVersion: boolean
}

const keptGenerations = 5

export function renderBase(context: RenderContext): Base {
  const files = new Map([['nginx.conf', renderMain(context)]])
  for (const [name, text] of renderSnippets(context)) files.set(`snippets/${name}`, text)
  const folder = createHash('sha256')
    .update(JSON.stringify([...files]))
    .digest('hex')
    .slice(0, 12)
  return { folder, files }
}

/** What a start of nginx would read now. With a broken list the newest intact one tells what the sites were. */
export async function readCurrent(layout: NginxLayout, base: Base): Promise<CurrentGeneration> {
  const target = await readLinkIfExists(layout.current)
  const number = generationNumber(target)
  if (number === undefined) {
    const damage = target === undefined ? 'the link nginx/current was gone' : 'the link nginx/current was changed'
    return { number, index: await newestIntactIndex(layout), damage, foreignVersion: false }
  }
  const folder = generationFolder(layout, number)
  const text = await readTextIfExists(join(folder, 'sites.conf'))
  if (text === undefined || readSeal(text) !== 'intact') {
    const damage = text === undefined ? 'sites.conf was deleted' : 'sites.conf was edited by hand'
    return { number, index: await newestIntactIndex(layout), damage, foreignVersion: false }
  }
  const index = readIndex(text)
  const [main, snippets] = await Promise.all(['nginx.conf', 'snippets'].map(name => baseOf(join(folder, name), name)))
  if (main !== undefined && main === snippets && main !== base.folder) {
    return { number, index, damage: 'nginx.conf is of another version', foreignVersion: true }
  }
  return { number, index, damage: await baseDamage(layout, base, folder), foreignVersion: false }
}

/** The folder below base/ that a link of a generation leads to. */
async function baseOf(link: string, name: string): Promise<string | undefined> {
  const target = (await readLinkIfExists(link)) ?? ''
  const [folder, rest] = /^\.\.\/\.\.\/base\/([^/]+)\/([^/]+)$/.exec(target)?.slice(1) ?? []
  return rest === name ? folder : undefined
}

async function baseDamage(layout: NginxLayout, base: Base, folder: string): Promise<string | undefined> {
  for (const name of ['nginx.conf', 'snippets']) {
    if ((await baseOf(join(folder, name), name)) === base.folder) continue
    return `${name} was replaced by hand`
  }
  for (const [path, text] of base.files) {
    const found = await readTextIfExists(join(layout.base, base.folder, path))
    if (found === text) continue
    return found === undefined ? `${path} was deleted` : `${path} was edited by hand`
  }
  return undefined
}

async function newestIntactIndex(layout: NginxLayout): Promise<SiteIndex> {
  for (const number of (await generationNumbers(layout)).reverse()) {
    const text = await readTextIfExists(join(generationFolder(layout, number), 'sites.conf'))
    if (text !== undefined && readSeal(text) === 'intact') return readIndex(text)
  }
  return new Map()
}

/** Writes a generation that nothing points to yet; gives its folder's number. */
export async function writeGeneration(layout: NginxLayout, base: Base, index: SiteIndex): Promise<number> {
  await writeBase(layout, base)
  const number = await makeGeneration(layout)
  const folder = generationFolder(layout, number)
  await symlink(`../../base/${base.folder}/nginx.conf`, join(folder, 'nginx.conf'))
  await symlink(`../../base/${base.folder}/snippets`, join(folder, 'snippets'))
  await Promise.all([writeFileAtomic(join(folder, 'sites.conf'), renderIndex(index)), syncDirectory(layout.generations)])
  return number
}

/** A start of nginx may make one at the same time as an apply: each takes a number of its own. */
async function makeGeneration(layout: NginxLayout): Promise<number> {
  for (let number = ((await generationNumbers(layout)).at(-1) ?? 0) + 1; ; number++) {
    try {
      await mkdir(generationFolder(layout, number))
      return number
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }
}

async function writeBase(layout: NginxLayout, base: Base): Promise<void> {
  const folder = join(layout.base, base.folder)
  await makeDirectory(join(folder, 'snippets'))
  for (const [path, text] of base.files) {
    if ((await readTextIfExists(join(folder, path))) !== text) await writeFileAtomic(join(folder, path), text)
  }
}

export async function publishGeneration(layout: NginxLayout, number: number): Promise<void> {
  const there = await statIfExists(layout.current)
  if (there?.isDirectory()) await rm(layout.current, { recursive: true })
  await replaceLink(layout.current, `generations/${number}`)
}

export const generationFolder = (layout: NginxLayout, number: number) => join(layout.generations, String(number))

export const generationConfiguration = (layout: NginxLayout, number: number) => configurationOf(generationFolder(layout, number))

/** Removes old generations, and site files of ours that no kept one names. */
export async function collectGarbage(layout: NginxLayout, current: number): Promise<void> {
  const numbers = await generationNumbers(layout)
  const keep = new Set([...numbers.slice(-keptGenerations), current])
  for (const number of numbers) {
    if (!keep.has(number)) await rm(generationFolder(layout, number), { recursive: true, force: true })
  }
  const named = new Set<string>()
  for (const number of keep) {
    const text = await readTextIfExists(join(generationFolder(layout, number), 'sites.conf'))
    if (text !== undefined) for (const file of readIndex(text).values()) named.add(file)
  }
  for (const file of await namesIn(layout.sites)) {
    if (named.has(file)) continue
    const path = join(layout.sites, file)
    const text = await readTextIfExists(path)
    if (text !== undefined && readSeal(text) !== 'foreign') await unlink(path)
  }
}

async function generationNumbers(layout: NginxLayout): Promise<number[]> {
  return (await namesIn(layout.generations))
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** Names in a folder; none when there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

function generationNumber(target: string | undefined): number | undefined {
  const digits = /^generations\/(\d+)$/.exec(target ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}
