import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import { spawnBytes } from '../../runtime/os/spawn.ts'
import type { ParsedDomains } from '../documents/domains.ts'
import { parseAside } from '../parse-apart.ts'
import type { Author, CommitResult, Edits, Quarantine, Repository, SignerList } from '../repository.ts'
import type { ParseResult, Signer } from '../state.ts'
import { applyEdits, type TreeEntry } from '../tree.ts'
import { createGit, isRevision, type SpawnBytes } from './command.ts'
import { removeStaleLocks } from './locks.ts'
import { enterQuarantine } from './quarantine.ts'
import { readRawCommit } from './raw.ts'
import { recent } from './recent.ts'
import { ensureSigningKey, findUnsigned, signingOptions } from './signatures.ts'
import { byName, signersInForce } from './signers-in-force.ts'
import { storedCommit, storedFile, storedHistory, storedRef, storedTree } from './stored.ts'
import { mainRef, moveMain, writeCommit, writeTree } from './write.ts'

/** Parsed commits that are kept: main, the one before it, and what somebody is looking at. */
const keptStates = 8
/** Commits in a row that this version may be unable to read. */
const mostUnreadable = 50

/** The bare repository of a home, which {@link initRepository} has made. */
export function createRepository(home: Pick<Home, 'repository' | 'keys'>, run: SpawnBytes = spawnBytes): Repository {
  const gitdir = home.repository
  const git = createGit(gitdir, run)
  const states = recent<ParseResult>(keptStates)
  const domains = recent<ParsedDomains>(2)
  const parents = recent<readonly string[]>(keptStates)

  const head = () => storedRef(gitdir, mainRef)

  async function read(revision: string, quarantine?: Quarantine): Promise<ParseResult> {
    const known = states.get(revision)
    if (known !== undefined) return known
    const entries = quarantine === undefined ? await stored(revision) : await quarantined(revision, quarantine)
    const result = await parseAside(entries, revision, domains, run)
    states.set(revision, result)
    return result
  }

  async function quarantined(revision: string, quarantine: Quarantine): Promise<readonly TreeEntry[]> {
    checkRevision(revision)
    await removeStaleLocks(gitdir)
    const commit = await readRawCommit(git, revision, await enterQuarantine(gitdir, quarantine))
    parents.set(revision, commit.parents)
    return commit.entries
  }

  async function stored(revision: string): Promise<readonly TreeEntry[]> {
    checkRevision(revision)
    const entries = await storedTree(gitdir, revision)
    if (entries === undefined) throw new ApplianceError('invalid', `${revision} is no commit of this repository`)
    return entries
  }

  const preview = async (base: string, edits: Edits) => parseAside(applyEdits(await stored(base), edits), '', domains, run)

  /** The newest state at or before a commit that can be read, for some commits: one that an upgrade made unreadable is rare. */
  async function declaredSigners(revision: string): Promise<readonly Signer[]> {
    for (const commit of await storedHistory(gitdir, revision, mostUnreadable)) {
      const result = await read(commit.revision)
      if (result.ok) return result.state.settings.allowed_signers ?? []
    }
    throw new ApplianceError('stalled', `nobody can tell who may sign what follows ${revision.slice(0, 8)}: it cannot be read`)
  }

  async function signers(revision: string): Promise<readonly SignerList[]> {
    const [declared, inForce] = await Promise.all([declaredSigners(revision), signersInForce(home)])
    const from = `allowed_signers of settings.yaml, as of ${revision.slice(0, 8)}`
    const lists = [{ signers: declared, from }]
    if (!Bun.deepEquals(byName(declared), inForce)) lists.push({ signers: inForce, from: 'allowed_signers that are in force' })
    return lists.filter(({ signers: some }) => some.length > 0)
  }

  /** What came through the door is signed by the appliance, where signatures are asked for. */
  async function signing(base: string): Promise<readonly string[] | undefined> {
    if ((await signers(base)).length === 0) return undefined
    await ensureSigningKey(home.keys, run)
    return signingOptions(home.keys)
  }

  async function commitTree(base: string, tree: string, author: Author, message: string): Promise<CommitResult> {
    if (tree === (await git.text(['rev-parse', `${base}^{tree}`]))) return { outcome: 'unchanged' }
    const revision = await writeCommit(git, tree, [base], author, message, await signing(base))
    await removeStaleLocks(gitdir)
    if (await moveMain(git, base, revision)) return { outcome: 'committed', revision }
    return { outcome: 'conflict', head: (await head()) ?? '' }
  }

  return {
    head,
    read,
    preview,
    async resolve(name) {
      if (isRevision(name) && (await storedCommit(gitdir, name)) !== undefined) return name
      if (name === '' || name.length > 256 || /\p{Cc}/u.test(name)) return undefined
      // A tag must not pass for the branch of its name.
      const branch = /^[\w./-]+$/.test(name) ? await storedRef(gitdir, `refs/heads/${name}`).catch(() => undefined) : undefined
      if (branch !== undefined) return branch
      const { code, stdout } = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
      const revision = new TextDecoder().decode(stdout).trim()
      return code === 0 && isRevision(revision) ? revision : undefined
    },
    file: (revision, path) => storedFile(gitdir, revision, path),
    async history(limit, before) {
      const from = before ?? (await head())
      if (from === undefined) return []
      const commits = await storedHistory(gitdir, from, before === undefined ? limit : limit + 1)
      return before === undefined ? commits : commits.slice(1)
    },
    commit: revision => storedCommit(gitdir, revision),
    async diff(revision) {
      checkRevision(revision)
      return new TextDecoder().decode(await git.bytes(['show', '--format=', '--first-parent', '-m', ...asText, revision, '--']))
    },
    async compare(from, to) {
      checkRevision(from)
      checkRevision(to)
      return new TextDecoder().decode(await git.bytes(['diff', ...asText, from, to, '--']))
    },
    async isAncestor(ancestor, revision, quarantine) {
      checkRevision(ancestor)
      checkRevision(revision)
      if (ancestor === revision || parents.get(revision)?.includes(ancestor)) return true
      const env = await enterQuarantine(gitdir, quarantine)
      const { code, stderr } = await git(['merge-base', '--is-ancestor', ancestor, revision], { env })
      if (code === 0 || code === 1) return code === 0
      const [said = ''] = stderr.trim().split('\n')
      const message = `${revision.slice(0, 8)} cannot be compared with ${ancestor.slice(0, 8)}: ${said.replace(/^(?:error|fatal): /, '')}`
      // What a stranger sent does not become comparable by itself.
      throw new ApplianceError(quarantine === undefined ? 'failed' : 'invalid', message)
    },
    signers,
    async unsigned(from, to, allowed, quarantine) {
      checkRevision(from)
      checkRevision(to)
      const own = { name: 'ai-infra', ssh: [await ensureSigningKey(home.keys, run)], gpg: [] }
      const env = await enterQuarantine(gitdir, quarantine)
      return findUnsigned(git, run, { from, to, env }, [...allowed, own])
    },
    async edit(base, edits, author, message) {
      const result = await preview(base, edits)
      if (!result.ok) return { outcome: 'refused', mistakes: result.mistakes }
      if (edits.size === 0) return { outcome: 'unchanged' }
      return commitTree(base, await writeTree(git, base, edits), author, message)
    },
    async restore(base, revision, author, message) {
      const result = await read(revision)
      if (!result.ok) return { outcome: 'refused', mistakes: result.mistakes }
      return commitTree(base, await git.text(['rev-parse', `${revision}^{tree}`]), author, message)
    },
  }
}

/** A diff in which no configuration and no attribute has a say. */
const asText: readonly string[] = ['--no-color', '--no-ext-diff', '--no-textconv', '-p', '--find-renames']

function checkRevision(revision: string): void {
  if (!isRevision(revision)) throw new ApplianceError('invalid', `${JSON.stringify(revision)} is no full hash of a commit`)
}
