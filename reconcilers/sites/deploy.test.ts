import { afterAll, beforeAll, expect, test } from 'bun:test'
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deploy } from '../../desired-state/state.ts'
import { createRepository, type TestRepository } from './testing/git.ts'
import { createRig, dieAtStep, domains, type Rig, staticSite, turnableClock } from './testing/rig.ts'

let rig: Rig
let repository: TestRepository
const clock = turnableClock()
const minute = 61_000

beforeAll(async () => {
  rig = await createRig({ clock })
  await rig.startNginx()
  repository = await createRepository(`${rig.home.root}.their-repository`)
  await repository.commit({ 'public/index.html': 'first', 'public/a/b.txt': 'deep', 'README.md': 'not served' })
})
afterAll(async () => {
  await rig.close()
  await rm(repository.path, { recursive: true, force: true })
})

const site = (more: Partial<Deploy> = {}) =>
  domains(staticSite('docs.example.com', { deploy: { repo: repository.path, branch: 'main', directory: 'public', ...more } }))
const page = async (path = '/') => (await rig.get('docs.example.com', path)).text()

test('a site with deploy serves the folder of its branch, and nothing else of the repository', async () => {
  const { first, outcomes, second } = await rig.converge(site())
  expect(first.changes[0]?.fields.map(field => field.name)).toContain('commit')
  expect(outcomes).toEqual([{ key: 'docs.example.com' }])
  expect([second.changes, second.obstacles]).toEqual([[], []])
  expect(second.notes?.get('docs.example.com')).toMatch(/^serves commit [0-9a-f]{12}$/)
  expect(await page()).toBe('first')
  expect(await page('/a/b.txt')).toBe('deep')
  expect((await rig.get('docs.example.com', '/README.md')).status).toBe(404)
  expect(await readlink(join(rig.home.www, 'docs'))).toMatch(/^\.\.\/releases\/docs\/[0-9a-f]{12}-[0-9a-f]{8}-1$/)
})

test('a new commit goes live without a reload of nginx, the remote is asked once a minute, five releases are kept', async () => {
  const generation = await readlink(join(rig.home.nginx, 'current'))
  await repository.commit({ 'public/index.html': 'second' })
  expect((await rig.look(site())).changes).toEqual([])
  for (let number = 3; number < 9; number++) {
    const commit = await repository.commit({ 'public/index.html': `number ${number}` })
    clock.turn(minute)
    const { first, second } = await rig.converge(site())
    expect(first.changes.map(change => change.summary)).toEqual([`deploy commit ${commit.slice(0, 12)}`])
    expect(second.changes).toEqual([])
    expect(await page()).toBe(`number ${number}`)
  }
  const releases = (await readdir(join(rig.home.releases, 'docs'))).filter(name => /^[0-9a-f]{12}-/.test(name))
  expect(releases.length).toBe(5)
  expect(await readlink(join(rig.home.nginx, 'current'))).toBe(generation)
})

test('a release whose front page is an error is taken back, says why, and is not tried again', async () => {
  const commit = await repository.commit({ 'public/index.html': null, 'public/other.html': 'x' })
  clock.turn(minute)
  const { outcomes, second } = await rig.converge(site())
  expect(outcomes[0]?.error?.message).toBe('the release was taken back: its front page answers 403')
  expect(await page()).toBe('number 8')
  expect(second.changes).toEqual([])
  expect(second.obstacles).toMatchObject([{ state: 'stalled', reason: 'release-refused' }])
  expect(second.obstacles[0]?.message).toContain(commit.slice(0, 12))
  await repository.commit({ 'public/index.html': 'good again' })
  clock.turn(minute)
  expect((await rig.converge(site())).second.obstacles).toEqual([])
  expect(await page()).toBe('good again')
})

test('links that stay inside are served as files; one that leaves the site refuses the release with a sentence', async () => {
  await repository.commit({ 'public/copy.txt': { link: 'a/b.txt' }, 'public/a/up.html': { link: '../index.html' } })
  clock.turn(minute)
  expect((await rig.converge(site())).outcomes).toEqual([{ key: 'docs.example.com' }])
  expect([await page('/copy.txt'), await page('/a/up.html')]).toEqual(['deep', 'good again'])
  expect((await lstat(join(rig.home.www, 'docs', 'copy.txt'))).isSymbolicLink()).toBe(false)
  for (const link of ['/etc/passwd', '../README.md', '../../secret', 'a/../../README.md']) {
    await repository.commit({ 'public/leak.txt': { link } })
    clock.turn(minute)
    const { outcomes, second } = await rig.converge(site())
    expect(outcomes[0]?.error?.message).toBe(`the link leak.txt leaves the site: it leads to ${link}`)
    expect(second.changes).toEqual([])
    expect((await rig.get('docs.example.com', '/leak.txt')).status).toBe(404)
  }
  await repository.commit({ 'public/leak.txt': null, 'public/a/up.html': null })
  clock.turn(minute)
  expect((await rig.converge(site())).second.obstacles).toEqual([])
})

test('hooks, filters and attributes of a repository run nothing and hide nothing', async () => {
  const mark = join(rig.home.root, 'ran')
  await repository.commit({
    'public/.gitattributes': 'index.html export-ignore export-subst filter=evil\n',
    'public/index.html': '$Format:%H$',
    '.lfsconfig': `[lfs]\n\turl = "ext::touch ${mark}"\n`,
  })
  await writeFile(join(repository.path, '.git', 'hooks', 'post-checkout'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  clock.turn(minute)
  expect((await rig.converge(site())).outcomes).toEqual([{ key: 'docs.example.com' }])
  expect(await page()).toBe('$Format:%H$')
  expect(await readdir(rig.home.root)).not.toContain('ran')
})

test('a transport that runs commands is refused by Git itself', async () => {
  const mark = join(rig.home.root, 'ran')
  const { second } = await rig.converge(site({ repo: `ext::touch ${mark}` }))
  expect(second.obstacles).toMatchObject([{ state: 'waiting', reason: 'repository-away' }])
  expect(second.obstacles[0]?.message).toContain("transport 'ext' not allowed")
  expect(await readdir(rig.home.root)).not.toContain('ran')
})

test('while the repository is away the site goes on, with a note', async () => {
  expect((await rig.converge(site())).second.changes).toEqual([])
  await rename(repository.path, `${repository.path}.away`)
  clock.turn(minute)
  const { changes, obstacles, notes } = await rig.look(site())
  expect([changes, obstacles]).toEqual([[], []])
  expect(notes?.get('docs.example.com')).toContain('its repository does not answer')
  expect(await page()).toBe('$Format:%H$')
  await rename(`${repository.path}.away`, repository.path)
})

test('a folder that somebody filled moves to the archive before a release takes its place', async () => {
  const folder = join(rig.home.www, 'mine')
  await mkdir(folder)
  await writeFile(join(folder, 'index.html'), 'by hand')
  const wanted = domains(
    staticSite('mine.example.com', { deploy: { repo: repository.path, branch: 'main', directory: 'public' } }),
  )
  expect((await rig.converge(wanted)).second.changes).toEqual([])
  expect(await (await rig.get('mine.example.com')).text()).toBe('$Format:%H$')
  const [archived = ''] = (await readdir(rig.home.archive)).filter(name => name.startsWith('mine-'))
  expect(await readFile(join(rig.home.archive, archived, 'index.html'), 'utf8')).toBe('by hand')
})

test('a missing branch and a missing folder are said, and the site shows its placeholder meanwhile', async () => {
  const none = await rig.converge(
    domains(staticSite('none.example.com', { deploy: { repo: repository.path, branch: 'nope', directory: '.' } })),
  )
  expect(none.second.obstacles[0]?.message).toContain('has no branch nope')
  expect(await (await rig.get('none.example.com')).text()).toContain('This site is up')
  const lost = await rig.converge(
    domains(staticSite('lost.example.com', { deploy: { repo: repository.path, branch: 'main', directory: 'gone' } })),
  )
  expect(lost.outcomes.find(outcome => outcome.key === 'lost.example.com')?.error?.message).toBe(
    'there is no folder gone in that commit',
  )
})

test('nothing of the home is served but what agents have delivered', async () => {
  const own = await createRepository(join(rig.home.root, 'backups', 'git-memory'))
  await own.commit({ 'index.html': 'what nobody outside may read' })
  await symlink(own.path, `${repository.path}.link`)
  const refused = 'repo is a folder of the appliance itself'
  for (const repo of [own.path, `${repository.path}.link`, rig.home.root]) {
    const { second } = await rig.converge(
      domains(staticSite('own.example.com', { deploy: { repo, branch: 'main', directory: '.' } })),
    )
    expect([repo, second.obstacles[0]?.message]).toEqual([repo, expect.stringContaining(refused)])
    expect(await (await rig.get('own.example.com')).text()).not.toContain('nobody outside')
    clock.turn(minute)
  }
  const delivered = await createRepository(join(rig.home.projects, 'bakery.git'))
  await delivered.commit({ 'index.html': 'fresh bread' })
  const deploy = { repo: delivered.path, branch: 'main', directory: '.' }
  await rig.converge(domains(staticSite('own.example.com', { deploy })))
  expect(await (await rig.get('own.example.com')).text()).toBe('fresh bread')
  await rm(`${repository.path}.link`)
})

test('killed at any step of a deployment, a fresh reconciler ends with a release that was looked at', async () => {
  for (const good of [true, false]) {
    const seen: string[] = []
    for (let number = 0; ; number++) {
      await repository.commit({ 'public/index.html': `before ${good} ${number}` })
      clock.turn(minute)
      await rig.converge(site())
      const after = `after ${good} ${number}`
      await repository.commit(good ? { 'public/index.html': after } : { 'public/index.html': null, 'public/x.txt': after })
      clock.turn(minute)
      const step = await dieAtStep(rig.reconciler(), site(), number)
      const { second } = await rig.converge(site(), rig.reconciler())
      expect([step, second.changes]).toEqual([step, []])
      expect([step, await page()]).toEqual([step, good ? after : `before ${good} ${number}`])
      if (step === undefined) break
      seen.push(step)
    }
    const ending = good ? ['verified', 'archived', 'done'] : ['verified', 'taking back', 'taken back', 'archived', 'done']
    expect(seen).toEqual(['begin', 'staged', 'released', ...ending])
  }
}, 60_000)

test('sites that come from one repository are deployed at once, each its own folder', async () => {
  const names = ['one', 'two', 'three', 'four', 'five', 'six']
  await repository.commit(Object.fromEntries(names.map(name => [`${name}/index.html`, `folder ${name}`])))
  const deploy = (directory: string) => ({ repo: repository.path, branch: 'main', directory })
  const all = domains(...names.map(name => staticSite(`${name}.example.com`, { deploy: deploy(name) })))
  clock.turn(minute)
  await rm(join(rig.home.releases, '.cache'), { recursive: true, force: true })
  const { outcomes, second } = await rig.converge(all)
  expect(outcomes.filter(outcome => outcome.error !== undefined)).toEqual([])
  expect(second.changes).toEqual([])
  for (const name of names) expect(await (await rig.get(`${name}.example.com`)).text()).toBe(`folder ${name}`)
})

test('a fetch that was killed in the middle does not keep the next one out', async () => {
  const commit = await repository.commit({ 'one/index.html': 'after the kill' })
  const [cache = ''] = await readdir(join(rig.home.releases, '.cache'))
  for (const lock of ['shallow.lock', 'config.lock', 'packed-refs.lock'])
    await writeFile(join(rig.home.releases, '.cache', cache, lock), '')
  clock.turn(minute)
  const deploy = { repo: repository.path, branch: 'main', directory: 'one' }
  const { outcomes, second } = await rig.converge(domains(staticSite('one.example.com', { deploy })))
  expect(outcomes.filter(outcome => outcome.error !== undefined)).toEqual([])
  expect(second.notes?.get('one.example.com')).toBe(`serves commit ${commit.slice(0, 12)}`)
})

test('a note about a release that cannot be read concerns its own site only', async () => {
  const deploy = { repo: repository.path, branch: 'main', directory: 'one' }
  const both = domains(staticSite('one.example.com', { deploy }), staticSite('plain.example.com'))
  await rig.converge(both)
  for (const note of ['pending.json', 'refused.json']) await writeFile(join(rig.home.releases, 'one', note), '{"half')
  const { outcomes } = await rig.converge(domains(...both.values(), staticSite('new.example.com')))
  expect(outcomes.filter(({ key, error }) => key !== 'one.example.com' && error !== undefined)).toEqual([])
  expect((await rig.get('new.example.com')).status).toBe(200)
})
