import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, explain } from '../os/errors.ts'
import { makeDirectory, statIfExists, syncDirectory } from '../os/files.ts'
import type { BundleHeader } from './bundle.ts'
import type { ProjectGit } from './git.ts'

export interface ReceiveLimits {
  /** Of all objects, unfolded, and of one. */
  readonly bytes: number
  readonly objectBytes: number
  readonly objects: number
}

/**
 * Takes the pack of a bundle into a quarantine of the repository, has Git check every object and that nothing is missing,
 * and only then moves it among the others. What a bundle cannot hold (hooks, configuration, refs) cannot come along.
 */
export async function receivePack(
  repository: string,
  git: ProjectGit,
  pack: Uint8Array,
  { tip }: BundleHeader,
  limits: ReceiveLimits,
): Promise<void> {
  const objects = join(repository, 'objects')
  const quarantine = join(objects, `incoming-${randomUUID()}`)
  await mkdir(join(quarantine, 'pack'), { recursive: true })
  try {
    const env = { GIT_OBJECT_DIRECTORY: quarantine, GIT_ALTERNATE_OBJECT_DIRECTORIES: objects }
    const words = ['index-pack', '--stdin', '--strict', '--fix-thin', '--threads=1', `--max-input-size=${pack.length + 1}`]
    await checked(git(words, { env, stdin: pack }), 'its objects are damaged or refused')
    await refuseTooMuch(git, env, limits)
    await checked(git(['cat-file', '-e', `${tip}^{commit}`], { env }), 'the commit that it names is not in it')
    const walk = ['rev-list', '--objects', '--quiet', tip, '--not', '--all']
    await checked(git(walk, { env }), 'something that its commits need is missing')
    await moveIn(quarantine, join(objects, 'pack'))
  } finally {
    await rm(quarantine, { recursive: true, force: true })
  }
}

async function checked(run: ReturnType<ProjectGit>, why: string): Promise<string> {
  const { code, stdout, stderr } = await run.catch(error => ({ code: -1, stdout: '', stderr: explain(error) }))
  if (code === 0) return stdout
  const said = stderr.trim().split('\n').slice(0, 3).join('; ')
  throw new ApplianceError('invalid', `the bundle is refused: ${why}${said === '' ? '' : ` (${said.slice(0, 400)})`}`)
}

async function refuseTooMuch(git: ProjectGit, env: Readonly<Record<string, string>>, limits: ReceiveLimits): Promise<void> {
  const own = { ...env, GIT_ALTERNATE_OBJECT_DIRECTORIES: '' }
  const words = ['cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objectsize)']
  const sizes = (await checked(git(words, { env: own }), 'its objects cannot be listed')).trim().split('\n').map(Number)
  const refuse = (what: string) => {
    throw new ApplianceError('invalid', `the bundle is refused: ${what}`, {
      hint: 'leave out what is made by a build, and large data',
    })
  }
  if (sizes.length > limits.objects) refuse(`it has ${sizes.length} objects; ${limits.objects} are allowed`)
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0)
  if (largest > limits.objectBytes) refuse(`one file has ${largest} bytes; ${limits.objectBytes} are allowed`)
  const all = sizes.reduce((sum, size) => sum + size, 0)
  if (all > limits.bytes) refuse(`unfolded it has ${all} bytes; ${limits.bytes} are allowed`)
}

/** The pack before its index: a pack is seen only with its index, so that it is there whole or not at all. */
async function moveIn(quarantine: string, packs: string): Promise<void> {
  await makeDirectory(packs)
  const names = await readdir(join(quarantine, 'pack'))
  for (const name of names.toSorted((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')))) {
    if (!/^pack-[0-9a-f]{40}\.(pack|idx|rev)$/.test(name)) continue
    if ((await statIfExists(join(packs, name))) === undefined) await rename(join(quarantine, 'pack', name), join(packs, name))
  }
  await syncDirectory(packs)
}
