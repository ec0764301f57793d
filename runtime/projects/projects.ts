import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '../os/errors.ts'
import { makeDirectory, statIfExists, writeFileAtomic } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { oneAtATime } from '../os/one-at-a-time.ts'
import type { Spawn } from '../os/spawn.ts'
import { parseBundleHeader } from './bundle.ts'
import { readDelivery } from './delivery.ts'
import { type ProjectGit, projectGit } from './git.ts'
import { projectPattern, projectRepository } from './names.ts'
import { type ReceiveLimits, receivePack } from './receive.ts'

export interface Received {
  /** The commit that main is at now. */
  readonly commit: string
  /** Undefined for the first delivery. */
  readonly previous: string | undefined
  /** How many commits are new. */
  readonly commits: number
}

export interface ProjectHeads {
  readonly main: string | undefined
  /** What is published. */
  readonly live: string | undefined
}

/** The bare repositories of what agents build. Nothing here ever runs Git in a folder that an agent can write. */
export interface Projects {
  names(): Promise<readonly string[]>
  /** Undefined when there is no such project. */
  heads(name: string): Promise<ProjectHeads | undefined>
  /** Moves main forward to what a bundle in the agent's workspace holds; the project is made with its first delivery. */
  receive(name: string, agent: string, bundle: string): Promise<Received>
  /** Moves live forward to a commit of main. */
  publish(name: string, commit: string): Promise<void>
  /** Path of the bare repository. */
  repository(name: string): string
}

export interface ProjectsDependencies {
  readonly home: Pick<Home, 'projects' | 'workspaces'>
  readonly spawn: Spawn
  readonly limits?: Partial<ReceiveLimits & { readonly bundleBytes: number }>
}

const usual = { bundleBytes: 64 * 1024 ** 2, bytes: 1024 ** 3, objectBytes: 100 * 1024 ** 2, objects: 200_000 } as const

const configuration = `# Written by the appliance.
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\thooksPath = /dev/null
[receive]
\tfsckObjects = true
\tdenyNonFastForwards = true
\tdenyDeletes = true
`

export function createProjects({ home, spawn, limits = {} }: ProjectsDependencies): Projects {
  const bounds = { ...usual, ...limits }
  const turns = new Map<string, ReturnType<typeof oneAtATime>>()
  const inTurn = <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const turn = turns.get(name) ?? oneAtATime()
    turns.set(name, turn)
    return turn(work)
  }
  const repository = (name: string) => projectRepository(home, name)
  const exists = async (name: string) => (await statIfExists(repository(name))) !== undefined

  return {
    repository,

    async names() {
      const found = await Array.fromAsync(new Bun.Glob('*.git').scan({ cwd: home.projects, onlyFiles: false }))
      return found
        .map(name => name.slice(0, -'.git'.length))
        .filter(name => projectPattern.test(name))
        .sort()
    },

    async heads(name) {
      return (await exists(name)) ? headsOf(projectGit(repository(name), spawn)) : undefined
    },

    receive: (name, agent, bundle) =>
      inTurn(name, async () => {
        const path = repository(name)
        const bytes = await readDelivery(join(home.workspaces, agent), bundle, bounds.bundleBytes)
        const header = parseBundleHeader(bytes)
        if (!(await exists(name))) await makeProject(home.projects, path, spawn)
        const git = projectGit(path, spawn)
        const { main: previous } = await headsOf(git)
        if (previous === header.tip) return { commit: previous, previous, commits: 0 }
        await receivePack(path, git, bytes.subarray(header.length), header, bounds)
        await refuseDivergence(git, name, previous, header.tip)
        const range = previous === undefined ? header.tip : `${previous}..${header.tip}`
        const commits = Number(await git.text(['rev-list', '--count', range]))
        await git.text(['update-ref', 'refs/heads/main', header.tip, previous ?? none])
        return { commit: header.tip, previous, commits }
      }),

    publish: (name, commit) =>
      inTurn(name, async () => {
        if (!(await exists(name))) throw noProject(name)
        const git = projectGit(repository(name), spawn)
        const { main, live } = await headsOf(git)
        if (live === commit) return
        if (main === undefined || !(await isAncestor(git, commit, main)))
          throw new ApplianceError('invalid', `${commit.slice(0, 12)} is not on main of ${name}`, { hint: 'submit it first' })
        if (live !== undefined && !(await isAncestor(git, live, commit)))
          throw new ApplianceError('invalid', `${name}: ${live.slice(0, 12)} is live and not part of ${commit.slice(0, 12)}`)
        await git.text(['update-ref', 'refs/heads/live', commit, live ?? none])
      }),
  }
}

const none = '0'.repeat(40)

export const noProject = (name: string) =>
  new ApplianceError('invalid', `there is no project ${name}`, { hint: 'it begins with the first project_submit' })

async function headsOf(git: ProjectGit): Promise<ProjectHeads> {
  const listed = await git.text(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads/main', 'refs/heads/live'])
  const heads = new Map(listed.split('\n').map(line => [line.split(' ')[0] ?? '', line.split(' ')[1]]))
  return { main: heads.get('refs/heads/main'), live: heads.get('refs/heads/live') }
}

const isAncestor = async (git: ProjectGit, ancestor: string, commit: string): Promise<boolean> =>
  (await git(['merge-base', '--is-ancestor', ancestor, commit])).code === 0

async function refuseDivergence(git: ProjectGit, name: string, previous: string | undefined, tip: string): Promise<void> {
  if (previous === undefined || (await isAncestor(git, previous, tip))) return
  throw new ApplianceError(
    'invalid',
    `main of ${name} has moved to ${previous.slice(0, 12)}, which is not part of what was sent`,
    {
      hint: 'project_open again, git rebase origin/main, check the result, then submit again',
    },
  )
}

/** Whole or not at all. */
async function makeProject(folder: string, path: string, spawn: Spawn): Promise<void> {
  await makeDirectory(folder)
  const temporary = `${path}.new`
  await rm(temporary, { recursive: true, force: true })
  const words = ['init', '--quiet', '--bare', '--template=', '--object-format=sha1', '--initial-branch=main', '--', temporary]
  await projectGit(temporary, spawn).text(words)
  await writeFileAtomic(join(temporary, 'config'), configuration)
  await rename(temporary, path)
}
