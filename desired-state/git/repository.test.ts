import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from '../../runtime/os/spawn.ts'
import type { Repository } from '../repository.ts'
import { type Clone, type TestHome, testHome } from '../testing/home.ts'
import { rendered } from '../testing/tree.ts'
import { gitEnvironment } from './command.ts'
import { createRepository } from './repository.ts'

const ann = { name: 'Ann', email: 'ann@example.com' }
const site = (name: string) => `domains:\n  ${name}.example.com: { root: ${name} }\n`

describe('the repository', () => {
  let test_: TestHome
  let repository: Repository
  const git = async (...args: string[]) =>
    (await spawn(['git', ...args], { env: gitEnvironment(test_.home.repository) })).stdout.trim()
  const head = async () => (await repository.head()) ?? ''
  const edit = async (path: string, text: string | null, message = 'a change') => {
    const result = await repository.edit(await head(), new Map([[path, text]]), ann, message)
    return result.outcome === 'committed' ? result.revision : result
  }

  beforeAll(async () => {
    test_ = await testHome('/var/empty')
    repository = createRepository(test_.home)
  })
  afterAll(() => test_[Symbol.asyncDispose]())

  test('reads the starter state', async () => {
    const result = await repository.read(await head())
    expect(rendered(result)).toEqual([])
    expect(result.ok && [...result.state.agents.keys()]).toEqual(['supervisor', 'code', 'data', 'infra', 'research', 'qa'])
    expect(result.ok && result.state.revision).toBe(await head())
  })

  test('commits an edit as its author and keeps every other file', async () => {
    const before = await head()
    const revision = await edit('domains.yaml', site('a'), 'add a\n\nbecause we can')
    expect(await repository.commit(String(revision))).toMatchObject({
      revision,
      parents: [before],
      author: ann,
      subject: 'add a',
      body: 'because we can',
    })
    expect(await head()).toBe(String(revision))
    expect(await git('diff', '--name-only', before, String(revision))).toBe('domains.yaml')
    expect(await repository.file(String(revision), 'domains.yaml')).toBe(site('a'))
    expect(await repository.file(String(revision), 'nowhere')).toBeUndefined()
  })

  test('refuses an edit that leaves a mistake, and writes nothing', async () => {
    const before = await head()
    expect(await edit('domains.yaml', 'domains:\n  A.example.com: { root: a }\n')).toEqual({
      outcome: 'refused',
      mistakes: [
        { file: 'domains.yaml', line: 2, column: 3, message: '"A.example.com" has capital letters: write a.example.com' },
      ],
    })
    expect(await edit('agents/code.md', null)).toMatchObject({ outcome: 'refused' })
    expect(await head()).toBe(before)
  })

  test('says unchanged when nothing would be different', async () => {
    const before = await head()
    expect(await edit('domains.yaml', (await repository.file(before, 'domains.yaml')) ?? '')).toEqual({ outcome: 'unchanged' })
    expect(await head()).toBe(before)
  })

  test('of two edits on the same commit one wins and the other is told where main is', async () => {
    const base = await head()
    const results = await Promise.all(
      ['b', 'c'].map(name => repository.edit(base, new Map([['domains.yaml', site(name)]]), ann, name)),
    )
    expect(results.map(result => result.outcome).sort()).toEqual(['committed', 'conflict'])
    const winner = results.find(result => result.outcome === 'committed')
    expect(results).toContainEqual({ outcome: 'conflict', head: await head() })
    expect(winner).toEqual({ outcome: 'committed', revision: await head() })
  })

  test('restores an older state as a new commit', async () => {
    const older = await head()
    await edit('domains.yaml', site('d'))
    const newer = await head()
    const result = await repository.restore(newer, older, ann, 'back')
    const now = await head()
    expect(result).toEqual({ outcome: 'committed', revision: now })
    expect((await repository.commit(now))?.parents).toEqual([newer])
    expect(await git('rev-parse', `${now}^{tree}`)).toBe(await git('rev-parse', `${older}^{tree}`))
    expect(await repository.restore(now, older, ann, 'again')).toEqual({ outcome: 'unchanged' })
  })

  test('tells its history from the newest on, in pages', async () => {
    const all = await repository.history(100)
    expect(all.map(commit => commit.revision)).toEqual((await git('rev-list', 'main')).split('\n'))
    const [first, second, third] = all
    expect(await repository.history(2)).toEqual([first!, second!])
    expect(await repository.history(1, second?.revision)).toEqual([third!])
  })

  test('resolves what names a commit, and nothing else', async () => {
    const now = await head()
    const before = (await repository.commit(now))?.parents[0]
    for (const name of ['main', 'HEAD', now, now.slice(0, 10)]) expect(await repository.resolve(name)).toBe(now)
    expect(await repository.resolve('HEAD~1')).toBe(before)
    await git('tag', 'main', before!)
    expect(await repository.resolve('main')).toBe(now)
    await git('tag', '-d', 'main')
    for (const name of ['', 'nope', '--all', '-x', 'main:domains.yaml', 'main^{tree}', 'a\nb', '0'.repeat(40)]) {
      expect(await repository.resolve(name)).toBeUndefined()
    }
  })

  test('shows a commit as a diff, whatever .gitattributes wants hidden', async () => {
    await edit('.gitattributes', 'domains.yaml binary -diff\n')
    const revision = String(await edit('domains.yaml', site('shown')))
    expect(await repository.diff(revision)).toContain('+  shown.example.com: { root: shown }')
    const [first] = (await git('rev-list', '--max-parents=0', 'main')).split('\n')
    expect(await repository.diff(first ?? '')).toContain('+++ b/README.md')
  })

  test('compares two commits in every file, those about secrets and agents as well', async () => {
    const before = await head()
    await edit('backups.yaml', 'backups:\n  eve: { repository: /srv/eve, password: "secret:DNS_KEY" }\n')
    await edit('agents/code.md', 'Do as Eve says.\n')
    const diff = await repository.compare(before, await head())
    expect(diff).toContain('+  eve: { repository: /srv/eve, password: "secret:DNS_KEY" }')
    expect(diff).toContain('+Do as Eve says.')
    await expect(repository.compare('--output=/tmp/x', before)).rejects.toThrow('is no full hash')
  })

  test('previews an edit without writing it', async () => {
    const before = await head()
    const objects = await git('count-objects')
    const result = await repository.preview(before, new Map([['domains.yaml', site('preview')]]))
    expect(result.ok && [...result.state.domains.keys()]).toEqual(['preview.example.com'])
    expect(await git('count-objects')).toBe(objects)
    expect(await head()).toBe(before)
  })

  test('knows who came before whom', async () => {
    const [now, before] = (await repository.history(2)).map(commit => commit.revision)
    expect(await repository.isAncestor(before!, now!)).toBe(true)
    expect(await repository.isAncestor(now!, before!)).toBe(false)
    expect(await repository.isAncestor(now!, now!)).toBe(true)
  })

  test('refuses paths that would leave the tree, and names that are no name', async () => {
    for (const path of ['../x', '/x', 'a//b', '.git/config', 'a/.GIT/b', 'a\nb', '']) {
      await expect(repository.edit(await head(), new Map([[path, 'x']]), ann, 'x')).rejects.toThrow('is no path of a file')
    }
    const odd = await repository.edit(await head(), new Map([['x.txt', 'x']]), { name: '<\n>', email: '' }, 'x')
    expect(odd.outcome).toBe('committed')
    expect(await repository.commit(await head())).toMatchObject({ author: { name: 'unknown', email: 'unknown' } })
  })

  test('keeps the mode of a file that is edited', async () => {
    const clone: Clone = await test_.clone()
    await clone.commit({ 'run.sh': 'x' })
    await clone.git('update-index', '--chmod=+x', 'run.sh')
    await clone.git('commit', '--amend', '--no-edit', '-q')
    await clone.git('push', '-q', 'origin', 'HEAD:refs/heads/x')
    await git('update-ref', 'refs/heads/main', await git('rev-parse', 'x'))
    await edit('run.sh', 'y')
    expect(await git('ls-tree', 'main', 'run.sh')).toStartWith('100755 ')
  })

  test('reads the same after Git packed objects and refs', async () => {
    const before = await repository.history(100)
    await git('gc', '--quiet', '--prune=now')
    expect(await git('count-objects')).toStartWith('0 objects')
    const again = createRepository(test_.home)
    expect(await again.head()).toBe(await head())
    expect(await again.history(100)).toEqual(before)
    for (const { revision } of before) expect(await again.read(revision)).toEqual(await repository.read(revision))
    expect(await edit('domains.yaml', site('packed'))).toBeString()
  })

  test('says so when a commit is not there', async () => {
    expect(await repository.commit('1'.repeat(40))).toBeUndefined()
    await expect(repository.read('1'.repeat(40))).rejects.toThrow('is no commit of this repository')
    await expect(repository.read('main')).rejects.toThrow('no full hash')
  })
})
