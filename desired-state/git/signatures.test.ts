import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { minimalEnvironment, spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { judgePush } from '../push.ts'
import type { Repository } from '../repository.ts'
import { type Clone, type TestHome, testHome } from '../testing/home.ts'
import { createRepository } from './repository.ts'
import { putSignersInForce } from './signers-in-force.ts'

setDefaultTimeout(120_000)

let place: TestHome
let clone: Clone
let repository: Repository
/** The state whose list counts. */
let base: string
const keys = (name: string) => join(place.home.root, '..', name)

const sshKey = async (name: string) => {
  await spawnChecked(spawn, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', keys(name)])
  return (await readFile(keys(`${name}.pub`), 'utf8')).trim()
}
const gpg = (...words: string[]) =>
  spawnChecked(spawn, ['gpg', '--batch', '--quiet', '--homedir', keys('gnupg'), ...words], {
    env: { ...minimalEnvironment, HOME: keys('gnupg') },
    timeout: 60_000,
  })

beforeAll(async () => {
  place = await testHome()
  clone = await place.clone()
  repository = createRepository(place.home)
  const [ann] = await Promise.all([sshKey('ann'), sshKey('eve')])
  await mkdir(keys('gnupg'), { mode: 0o700 })
  for (const [name, ends] of [
    ['bob', 'never'],
    ['old', 'seconds=1'],
  ] as const)
    await gpg('--passphrase', '', '--quick-generate-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', ends)
  const armored = (name: string) => gpg('--armor', '--export', `${name}@example.com`)
  const indented = async (name: string) => (await armored(name)).trimEnd().replaceAll(/^/gm, '      ')
  base = await clone.commit({
    'settings.yaml': `allowed_signers:\n  ann: { ssh: "${ann}" }\n  bob:\n    gpg: |\n${await indented('bob')}\n  old:\n    gpg: |\n${await indented('old')}\n`,
  })
  // The push that brings the list needs no signature: there was none before it.
  expect((await clone.git('push', '-q', 'origin', 'HEAD:main')).code).toBe(0)
}, 60_000)
afterAll(async () => {
  await gpg('--list-keys').catch(() => {})
  await spawn(['gpgconf', '--homedir', keys('gnupg'), '--kill', 'all'])
  await place[Symbol.asyncDispose]()
}, 60_000)

const bySsh = (name: string) => ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${keys(name)}.pub`]
const byGpg = (name: string) => ['-c', 'gpg.format=openpgp', '-c', `user.signingKey=${name}@example.com`]

/** One commit on what is checked out, signed or not; gives its hash. */
async function commit(signing: readonly string[] | undefined, ...more: string[]): Promise<string> {
  const env = {
    ...minimalEnvironment,
    ...{ HOME: keys('gnupg'), GNUPGHOME: keys('gnupg'), GIT_CONFIG_NOSYSTEM: '1' },
    ...{ GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com', GIT_COMMITTER_NAME: 'Ann', GIT_COMMITTER_EMAIL: 'a@b' },
  }
  const words = ['git', '-C', clone.path, ...(signing ?? []), 'commit', '-q', '--allow-empty', '-m', 'x', ...more]
  await spawnChecked(spawn, signing === undefined ? words : [...words, '-S'], { env })
  return (await clone.git('rev-parse', 'HEAD')).stdout.trim()
}
const start = (at = base) => clone.git('reset', '-q', '--hard', at)

/** What a push of this commit would read; the objects are made known first, as a quarantine would. */
async function judged(revision: string): Promise<string> {
  await spawnChecked(spawn, ['git', `--git-dir=${place.home.repository}`, 'fetch', '-q', clone.path, revision])
  const verdict = await judgePush(repository, [{ old: base, new: revision, ref: 'refs/heads/main' }])
  return verdict.accepted ? 'accepted' : verdict.lines.join('\n')
}

test('commits that people of the list have signed are taken, by SSH and by GPG', async () => {
  await start()
  await commit(bySsh('ann'))
  expect(await judged(await commit(byGpg('bob')))).toBe('accepted')
})

test('a commit without a signature is refused with its id, also under a signed head', async () => {
  await start()
  const hidden = await commit(undefined)
  const said = await judged(await commit(bySsh('ann')))
  expect(said).toContain(`${hidden} is not signed`)
  expect(said).toContain("git rebase --exec 'git commit --amend --no-edit -S'")
})

test('a commit without a signature is refused when it comes in by a signed merge', async () => {
  await start()
  const side = await commit(undefined)
  await start()
  await commit(bySsh('ann'))
  const env = {
    ...minimalEnvironment,
    HOME: keys('gnupg'),
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@b',
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@b',
  }
  await spawnChecked(spawn, ['git', '-C', clone.path, ...bySsh('ann'), 'merge', '-q', '-S', '--no-ff', '-m', 'merge', side], {
    env,
  })
  const head = (await clone.git('rev-parse', 'HEAD')).stdout.trim()
  expect(await judged(head)).toContain(`${side} is not signed`)
})

test('keys of somebody else, and those that have expired, count as none', async () => {
  await start()
  const eve = await commit(bySsh('eve'))
  expect(await judged(eve)).toMatch(new RegExp(`${eve} is signed with the key SHA256:\\S+, which nobody of allowed_signers has`))
  await start()
  const expired = await commit(byGpg('old')).catch(() => undefined)
  if (expired !== undefined) expect(await judged(expired)).toContain('expired')
})

test('a signature that was taken from another commit is no signature of this one', async () => {
  await start()
  const signed = await commit(bySsh('ann'))
  const raw = (await clone.git('cat-file', 'commit', signed)).stdout
  const forged = await spawnChecked(spawn, ['git', '-C', clone.path, 'hash-object', '-w', '-t', 'commit', '--stdin'], {
    stdin: raw.replace(/\n\nx/, '\n\ny'),
  })
  expect(await judged(forged.trim())).toContain(`${forged.trim()} has a signature that does not belong to it`)
})

test('the list is that of the state before: nobody lets himself in by the commit that is judged', async () => {
  await start()
  const eve = (await readFile(keys('eve.pub'), 'utf8')).trim()
  await clone.git('checkout', '-q', base)
  await Bun.write(join(clone.path, 'settings.yaml'), `allowed_signers:\n  eve: { ssh: "${eve}" }\n`)
  await clone.git('add', '-A')
  const own = await commit(bySsh('eve'))
  expect(await judged(own)).toContain(`(allowed_signers of settings.yaml, as of ${base.slice(0, 8)})`)
})

test('what comes through the door is signed by the appliance, whoever its author is, and so it stays pushable', async () => {
  const author = { name: 'Ada', email: 'ada@example.com' }
  const edits = new Map([['domains.yaml', 'domains:\n  a.example.com: { root: a }\n']])
  const result = await repository.edit(base, edits, author, 'From the portal')
  if (result.outcome !== 'committed') throw new Error(result.outcome)
  expect(await judged(result.revision).catch(String)).toBe('accepted')
  expect((await clone.git('fetch', '-q')).code).toBe(0)
  const raw = (await clone.git('cat-file', 'commit', result.revision)).stdout
  expect(raw).toContain('-----BEGIN SSH SIGNATURE-----')
})

test('while a list that lets others in waits for an approval, what follows has to be signed by the one in force as well', async () => {
  const inForce = (await repository.signers(base))[0]?.signers ?? []
  await putSignersInForce(place.home, inForce)
  const judgedAfter = async (revision: string, old: string) => {
    await judged(revision)
    const verdict = await judgePush(repository, [{ old, new: revision, ref: 'refs/heads/main' }])
    return verdict.accepted ? 'accepted' : verdict.lines.join('\n')
  }
  await start()
  await clone.git('rm', '-q', 'settings.yaml')
  const without = await commit(bySsh('ann'))
  expect(await judged(without)).toBe('accepted')
  const unsigned = await commit(undefined)
  expect(await judgedAfter(unsigned, without)).toContain('main takes signed commits only (allowed_signers that are in force):')
  await start(without)
  expect(await judgedAfter(await commit(bySsh('ann')), without)).toBe('accepted')
  // Approved: it is as that commit says.
  await putSignersInForce(place.home, [])
  expect(await judgedAfter(unsigned, without)).toBe('accepted')
})
