import { copyFile, realpath, rename, rm, unlink } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { z } from 'zod'
import type { Deploy } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import {
  makeDirectory,
  readLinkIfExists,
  readTextIfExists,
  removeIfExists,
  replaceLink,
  statIfExists,
  syncDirectory,
  writeFileAtomic,
} from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { parseJson } from '../../runtime/os/json.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import { namesIn } from './generation.ts'
import { checkOut, fetchBranch, listFiles, remoteHead, sourceId } from './git-source.ts'
import { relativePath } from './harmless.ts'
import type { ReleaseFacts } from './observation.ts'
import { archiveName, isPlaceholder, moveToArchive, webRoot } from './web-roots.ts'

/** A repository elsewhere, and one on this server, is asked for its head at most this often. */
const askInterval = 60_000
const askIntervalHere = 500
const keptReleases = 5

/** What `www/<root>` was before a switch: a link to another release, a folder that is in the archive now, or nothing. */
const before = z.union([z.object({ link: z.string() }), z.object({ archived: z.string() }), z.null()])
type Before = z.output<typeof before>

/** A release that is live and whose front page nobody has looked at yet. */
const pending = z.object({ release: z.string(), before })
export type PendingRelease = z.output<typeof pending>

/**
 * Files of sites that come from Git: `releases/<root>/<commit>-<source>-<number>`, of which `www/<root>` links to one.
 */
export interface Deployments {
  look(root: string, deploy: Deploy, signal: AbortSignal): Promise<ReleaseFacts>
  /** Brings the branch's head into a release folder; gives the folder. Nothing serves it yet. */
  stage(root: string, deploy: Deploy, signal: AbortSignal): Promise<string>
  /** Makes `www/<root>` a link to a release, which is pending then. A folder that somebody filled moves to the archive first. */
  switchTo(root: string, release: string): Promise<void>
  /** The release that waits to be accepted or refused; it survives a crash. */
  pending(root: string): Promise<PendingRelease | undefined>
  accept(root: string): Promise<void>
  /** Puts back what was there before, and remembers that this release is not to be tried again. */
  refuse(root: string, deploy: Deploy, release: PendingRelease, message: string): Promise<void>
  /** Removes all but the newest releases. */
  tidy(root: string): Promise<void>
}

/** Agents may say what a site follows: of what lies in the home that is what they have delivered, and nothing else of it. */
async function refuseOwn({ root, projects }: Home, repo: string): Promise<void> {
  if (!repo.startsWith('/')) return
  const [own, delivered, path] = await Promise.all([root, projects, repo].map(each => realpath(each).catch(() => each)))
  const isIn = (folder = '') => path === folder || path?.startsWith(`${folder}${sep}`)
  if (!isIn(own) || isIn(delivered)) return
  throw new ApplianceError('stalled', 'repo is a folder of the appliance itself, which is not for the web', {
    hint: 'name a repository elsewhere, or have a project published',
  })
}

interface Dependencies {
  readonly home: Home
  readonly spawn: Spawn
  readonly clock: Clock
}

type Head = Pick<ReleaseFacts, 'head' | 'away'> & { readonly at: number }

export function createDeployments({ home, spawn, clock }: Dependencies): Deployments {
  const heads = new Map<string, Head>()
  /** Sites of one repository share its cache, and Git's locks in it. */
  const fetching = new Map<string, ReturnType<typeof oneAtATime>>()
  const keyOf = ({ repo, branch }: Deploy) => `${repo}\0${branch}`
  const now = () => clock.now().getTime()
  const folderOf = (root: string) => join(home.releases, relativePath(root))

  const headOf = async (deploy: Deploy, signal: AbortSignal): Promise<Head> => {
    const known = heads.get(keyOf(deploy))
    const interval = deploy.repo.startsWith('/') ? askIntervalHere : askInterval
    // What was asked later than now was asked before the clock was set back.
    if (known !== undefined && known.at <= now() && now() - known.at < interval) return known
    const asked = refuseOwn(home, deploy.repo).then(() => remoteHead(spawn, deploy, signal))
    const found = await asked.then(
      head => ({ head, away: undefined, at: now() }),
      error => ({ head: known?.head, away: explain(error), at: now() }),
    )
    signal.throwIfAborted()
    heads.set(keyOf(deploy), found)
    return found
  }

  return {
    async look(root, deploy, signal) {
      const { head, away } = await headOf(deploy, signal)
      const parent = folderOf(root)
      const live = await liveCommit(home, root, deploy)
      const unchecked = (await readPending(parent)) !== undefined
      return { live, head: head?.slice(0, 12), away, unchecked, refused: await readRefusal(parent, deploy) }
    },

    async stage(root, deploy, signal) {
      await refuseOwn(home, deploy.repo)
      const inTurn = fetching.get(deploy.repo) ?? oneAtATime()
      fetching.set(deploy.repo, inTurn)
      const { cache, commit } = await inTurn(() => fetchBranch(spawn, join(home.releases, '.cache'), deploy, signal))
      heads.set(keyOf(deploy), { head: commit, away: undefined, at: now() })
      const tree = `${commit}:${deploy.directory === '.' ? '' : relativePath(deploy.directory)}`
      const parent = folderOf(root)
      try {
        const files = await listFiles(spawn, cache, tree, signal)
        await makeDirectory(parent)
        const temporary = join(parent, '.new')
        await rm(temporary, { recursive: true, force: true })
        await rm(`${temporary}.index`, { force: true })
        await checkOut(spawn, cache, tree, temporary, signal)
        await rm(`${temporary}.index`, { force: true })
        for (const { path, linkTo } of files) {
          if (linkTo === undefined) continue
          await unlink(join(temporary, path))
          await copyFile(join(temporary, linkTo), join(temporary, path))
        }
        const release = join(parent, `${commit.slice(0, 12)}-${sourceId(deploy)}-${(await releaseNumbers(parent)).next}`)
        await rename(temporary, release)
        await syncDirectory(parent)
        return release
      } catch (error) {
        if (error instanceof ApplianceError && error.kind === 'stalled') {
          await makeDirectory(parent)
          await writeRefusal(parent, deploy, commit.slice(0, 12), explain(error))
        }
        throw error
      }
    },

    async switchTo(root, release) {
      const path = webRoot(home, root)
      await makeDirectory(dirname(path))
      const earlier = await readPending(folderOf(root))
      const there = await makeRoom(home, clock, root, path)
      // One that nobody looked at is not what to go back to.
      const before = earlier !== undefined && there !== null && 'link' in there ? earlier.before : there
      await writeFileAtomic(pendingFile(folderOf(root)), JSON.stringify({ release, before }))
      await replaceLink(path, relative(dirname(path), release))
    },

    pending: root => readPending(folderOf(root)),

    accept: root => removeIfExists(pendingFile(folderOf(root))),

    async refuse(root, deploy, { release, before }, message) {
      const path = webRoot(home, root)
      await writeRefusal(folderOf(root), deploy, basename(release).slice(0, 12), message)
      if (before !== null && 'link' in before) await replaceLink(path, before.link)
      else {
        if ((await readLinkIfExists(path)) !== undefined) await unlink(path)
        if (before !== null && (await statIfExists(before.archived))) await rename(before.archived, path)
      }
      await removeIfExists(pendingFile(folderOf(root)))
      await rm(release, { recursive: true, force: true })
    },

    async tidy(root) {
      const parent = folderOf(root)
      const live = basename((await readLinkIfExists(webRoot(home, root))) ?? '')
      const { names } = await releaseNumbers(parent)
      for (const name of names.slice(0, -keptReleases)) {
        if (name !== live) await rm(join(parent, name), { recursive: true, force: true })
      }
    },
  }
}

/** First digits of the commit that `www/<root>` serves, when it is of this repository and folder. */
async function liveCommit(home: Home, root: string, deploy: Deploy): Promise<string | undefined> {
  const path = webRoot(home, root)
  const target = await readLinkIfExists(path)
  if (target === undefined || dirname(join(dirname(path), target)) !== join(home.releases, root)) return undefined
  const [commit, source] = basename(target).split('-')
  return source === sourceId(deploy) ? commit : undefined
}

async function makeRoom(home: Home, clock: Clock, root: string, path: string): Promise<Before> {
  const link = await readLinkIfExists(path)
  if (link !== undefined) return { link }
  if (!(await statIfExists(path))) return null
  if (await isPlaceholder(path)) {
    await rm(path, { recursive: true })
    return null
  }
  return { archived: await moveToArchive(home, path, archiveName(root, clock.now())) }
}

async function releaseNumbers(parent: string): Promise<{ readonly names: readonly string[]; readonly next: number }> {
  const numberOf = (name: string) => Number(name.split('-')[2])
  const names = (await namesIn(parent))
    .filter(name => /^[0-9a-f]{12}-[0-9a-f]{8}-\d+$/.test(name))
    .sort((a, b) => numberOf(a) - numberOf(b))
  const last = names.at(-1)
  return { names, next: last === undefined ? 1 : numberOf(last) + 1 }
}

/** A note that cannot be read says nothing: what is live stays, and a release is tried again. */
const pendingFile = (parent: string) => join(parent, 'pending.json')

async function readPending(parent: string): Promise<PendingRelease | undefined> {
  const text = await readTextIfExists(pendingFile(parent))
  return text === undefined ? undefined : pending.safeParse(parseJson(text)).data
}

const refusal = z.object({ source: z.string(), commit: z.string(), message: z.string() })
const refusalFile = (parent: string) => join(parent, 'refused.json')

async function writeRefusal(parent: string, deploy: Deploy, commit: string, message: string): Promise<void> {
  await writeFileAtomic(refusalFile(parent), JSON.stringify({ source: sourceId(deploy), commit, message }))
}

async function readRefusal(parent: string, deploy: Deploy): Promise<ReleaseFacts['refused']> {
  const text = await readTextIfExists(refusalFile(parent))
  if (text === undefined) return undefined
  const parsed = refusal.safeParse(parseJson(text))
  if (!parsed.success || parsed.data.source !== sourceId(deploy)) return undefined
  return { commit: parsed.data.commit, message: parsed.data.message }
}
