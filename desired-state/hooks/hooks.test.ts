import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from '../../runtime/os/spawn.ts'
import { createRepository } from '../git/repository.ts'
import { judgePush, parseRefUpdates, type Verdict } from '../push.ts'
import { type Clone, type TestHome, testHome } from '../testing/home.ts'

// Each test is several pushes, and each push is a dozen processes.
setDefaultTimeout(120_000)

const site = (name: string) => `domains:\n  ${name}.example.com: { root: ${name} }\n`

const remote = (stderr: string) =>
  stderr
    .split('\n')
    .filter(line => line.startsWith('remote: '))
    .map(line => line.slice('remote: '.length).trim())

/** What the runtime's two routes do, on the socket that the hooks know. */
async function serve(place: TestHome) {
  const repository = createRepository(place.home)
  const verdicts: Verdict[] = []
  const asked: { path: string; pusher: string; milliseconds: number }[] = []
  /** What happens while the next push is judged. */
  const meanwhile: (() => Promise<unknown>)[] = []
  await mkdir(place.home.run, { recursive: true })
  const server = Bun.serve({
    unix: place.home.apiSocket,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      const started = performance.now()
      const updates = parseRefUpdates(await request.text()) ?? []
      const record = () =>
        asked.push({ path: pathname, pusher: request.headers.get('Pusher') ?? '', milliseconds: performance.now() - started })
      if (pathname === '/git/post-receive') {
        record()
        return new Response(updates.map(update => `converging ${update.ref}\n`).join(''))
      }
      const verdict = await judgePush(repository, updates, { path: request.headers.get('Quarantine') ?? '' })
      verdicts.push(verdict)
      await meanwhile.pop()?.()
      record()
      return new Response(verdict.lines.map(line => `${line}\n`).join(''), { status: verdict.accepted ? 200 : 422 })
    },
  })
  return { server, verdicts, asked, meanwhile }
}

describe('a push while the appliance runs', () => {
  let place: TestHome
  let clone: Clone
  let appliance: Awaited<ReturnType<typeof serve>>
  const head = () => createRepository(place.home).head()
  const push = async (...args: string[]) => {
    const { code, stderr } = await clone.git('push', ...(args.length > 0 ? args : ['origin', 'HEAD:main']))
    return { code, stderr, said: remote(stderr) }
  }
  const undo = () => clone.git('reset', '--quiet', '--hard', 'origin/main')

  beforeAll(async () => {
    place = await testHome()
    appliance = await serve(place)
    clone = await place.clone()
  })
  afterAll(async () => {
    await appliance.server.stop(true)
    await place[Symbol.asyncDispose]()
  })

  test('is accepted, and what follows is shown live', async () => {
    const before = await head()
    const revision = await clone.commit({ 'domains.yaml': site('a') })
    expect(await push()).toMatchObject({ code: 0, said: ['converging refs/heads/main'] })
    expect(await head()).toBe(revision)
    const main = appliance.verdicts.at(-1)?.main
    expect(main).toMatchObject({ ref: 'refs/heads/main', old: before, new: revision })
    expect([...(main?.state.domains.keys() ?? [])]).toEqual(['a.example.com'])
  })

  test('with mistakes is refused with all of them, and main stays', async () => {
    const before = await head()
    const revision = await clone.commit({ 'domains.yaml': 'domains:\n\tx: 1\n', 'settings.yaml': 'tsl: acme\n' })
    const { code, said } = await push()
    expect(code).toBe(1)
    expect(said).toEqual([
      `main at ${revision.slice(0, 8)} has 2 mistakes:`,
      'domains.yaml:2:1: a tab cannot indent in YAML: write spaces',
      'settings.yaml:1:1: unknown key "tsl"; did you mean "tls"?',
      'Refused: nothing on the server has changed.',
    ])
    expect(await head()).toBe(before)
    await undo()
  })

  test('is judged by the files themselves, whatever .gitattributes hides or rewrites', async () => {
    await clone.commit({
      '.gitattributes': 'domains.yaml export-ignore export-subst text eol=crlf ident filter=x working-tree-encoding=UTF-16\n',
      '.git/info/attributes': '* !working-tree-encoding !filter -text\n',
      'domains.yaml': 'domains:\n  A.example.com: { root: "$Format:%H$" }\n',
    })
    expect((await push()).said[1]).toBe('domains.yaml:2:3: "A.example.com" has capital letters: write a.example.com')
    await undo()
  })

  test('of a link, a submodule or a file of 10 MB is refused, each with its sentence', async () => {
    await symlink('/etc/passwd', join(clone.path, 'TELOS', 'link.md'))
    await clone.commit({ 'domains.yaml': new Uint8Array(10 * 1024 * 1024).fill(0x23) })
    await clone.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},module`)
    await clone.git('commit', '--quiet', '-m', 'submodule')
    expect((await push()).said.slice(1, 4)).toEqual([
      'TELOS/link.md:1:1: this is a symbolic link: commit the file itself',
      'domains.yaml:1:1: the file has 10485760 bytes, and a document may have 1048576: make it smaller',
      'module:1:1: this is a submodule: commit the files themselves',
    ])
    await undo()
  })

  test('that rewrites or deletes main is refused; another branch may do both', async () => {
    const before = await head()
    await clone.commit({ 'notes.txt': 'one' })
    await clone.git('commit', '--quiet', '--amend', '-m', 'rewritten')
    await clone.git('reset', '--quiet', '--hard', 'HEAD~2')
    await clone.commit({ 'notes.txt': 'two' })
    expect((await push('--force', 'origin', 'HEAD:main')).said[0]).toBe(
      'main cannot be rewritten, it only moves forward: git pull --rebase, then push again; to go back, git revert',
    )
    expect((await push('origin', ':main')).said[0]).toBe('main cannot be deleted: it is what the server should be')
    expect(await head()).toBe(before)
    expect((await push('origin', 'HEAD:try')).code).toBe(0)
    expect(appliance.verdicts.at(-1)).toMatchObject({ accepted: true, main: undefined, others: [{ ref: 'refs/heads/try' }] })
    await undo()
    expect((await push('--force', 'origin', 'HEAD:try')).code).toBe(0)
    expect((await push('origin', ':try')).code).toBe(0)
  })

  test('that rewrites main is refused too when its commit says of itself that it follows', async () => {
    await undo()
    const main = (await clone.git('rev-parse', 'HEAD')).stdout.trim()
    const tree = (await clone.git('rev-parse', 'HEAD^{tree}')).stdout.trim()
    const who = 'Eve <eve@example.com> 1700000000 +0000'
    // A parent is one between tree and author only; Git lets any other line stand.
    const text = `tree ${tree}\nauthor ${who}\ncommitter ${who}\nparent ${main}\n\nnothing before me\n`
    await Bun.write(join(clone.path, '.git', 'forged'), text)
    const forged = (await clone.git('hash-object', '-t', 'commit', '-w', '--literally', join(clone.path, '.git', 'forged')))
      .stdout
    const { code, said } = await push('--force', 'origin', `${forged.trim()}:main`)
    expect(code).not.toBe(0)
    expect(said.join('\n')).toContain('main cannot be rewritten')
    expect(await head()).toBe(main)
  })

  test('to something that is neither branch nor tag is refused; a tag is free', async () => {
    expect((await push('origin', 'HEAD:refs/replace/x')).said[0]).toBe(
      'refs/replace/x is neither a branch nor a tag: push to a branch',
    )
    expect((await push('origin', 'HEAD:refs/tags/v1')).code).toBe(0)
  })

  test('of a good main and a bad branch together changes neither', async () => {
    const before = await head()
    await clone.git('checkout', '--quiet', '-b', 'bad')
    await clone.commit({ 'domains.yaml': 'rubbish' })
    await clone.git('checkout', '--quiet', '-')
    await clone.commit({ 'domains.yaml': site('good') })
    expect((await push('origin', 'HEAD:main', 'bad:bad')).code).toBe(1)
    expect(await head()).toBe(before)
    await undo()
  })

  test('of several commits at once is compared with the whole way', async () => {
    await clone.commit({ 'domains.yaml': site('b') })
    const last = await clone.commit({ 'domains.yaml': site('c') })
    expect((await push()).code).toBe(0)
    expect(await head()).toBe(last)
  })

  test('of somebody who was too late is answered by Git with "fetch first"', async () => {
    const other = await place.clone()
    await other.commit({ 'domains.yaml': site('other') })
    await clone.commit({ 'domains.yaml': site('mine') })
    expect((await other.git('push', 'origin', 'HEAD:main')).code).toBe(0)
    expect((await push()).stderr).toContain('fetch first')
    await clone.git('fetch', '--quiet')
    await undo()
  })

  test('of somebody who was overtaken while it was judged is told to pull and push again', async () => {
    const first = await clone.commit({ 'domains.yaml': site('first') })
    const git = ['git', `--git-dir=${place.home.repository}`]
    await spawn([...git, 'fetch', '-q', clone.path, 'HEAD'])
    await undo()
    await clone.commit({ 'domains.yaml': site('second') })
    appliance.meanwhile.push(() => spawn([...git, 'update-ref', 'refs/heads/main', first]))
    const { code, stderr, said } = await push()
    expect(code).toBe(1)
    expect(said.slice(0, 2)).toEqual([
      'somebody else has pushed to main meanwhile: git pull --rebase, then push again',
      'Refused: nothing of this push has changed the server.',
    ])
    expect(stderr).not.toContain('cannot lock')
    expect(await head()).toBe(first)
    await clone.git('fetch', '--quiet')
    await undo()
  })

  test('of few objects that stand for millions of files is refused with a sentence', async () => {
    const before = await head()
    const git = async (...args: string[]) => (await clone.git(...args)).stdout.trim()
    const folder = async (names: number, entry: string) => {
      const stdin = Array.from({ length: names }, (_, at) => `${entry}\t${'long'.repeat(50)}${at}\n`).join('')
      return (await spawn(['git', '-C', clone.path, 'mktree'], { stdin })).stdout.trim()
    }
    let tree = await folder(10, `100644 blob ${await git('rev-parse', 'HEAD:domains.yaml')}`)
    for (let depth = 0; depth < 6; depth++) tree = await folder(10, `040000 tree ${tree}`)
    const bomb = await git('commit-tree', tree, '-p', 'HEAD', '-m', 'bomb')
    const { code, said } = await push('origin', `${bomb}:main`)
    expect(code).toBe(1)
    expect(said[0]).toContain(`main at ${bomb.slice(0, 8)} cannot be judged: its files cannot be listed`)
    expect(await head()).toBe(before)
  })

  test('of more branches than anybody reads the plans of is refused', async () => {
    const { code, said } = await push('origin', ...Array.from({ length: 17 }, (_, at) => `HEAD:refs/heads/many/${at}`))
    expect([code, said[0]]).toEqual([1, 'this push moves 17 branches, and may move 16: push fewer at a time'])
    expect((await push('origin', ...Array.from({ length: 17 }, (_, at) => `HEAD:refs/tags/many/${at}`))).code).toBe(0)
  })

  test('names who pushed, and no name can add a header', async () => {
    for (const [name, heard] of [
      ['ann@laptop', 'ann@laptop'],
      ['x\r\nQuarantine: /', ''],
    ] as const) {
      await clone.commit({ 'notes.txt': name })
      const child = Bun.spawn(['git', '-C', clone.path, 'push', '-q', 'origin', 'HEAD:main'], {
        env: { PATH: process.env.PATH ?? '', HOME: place.home.root, AI_INFRA_PUSHER: name },
        stderr: 'pipe',
      })
      expect(await child.exited).toBe(0)
      expect(appliance.asked.slice(-2).map(({ path, pusher }) => [path, pusher])).toEqual([
        ['/git/pre-receive', heard],
        ['/git/post-receive', heard],
      ])
    }
  })
})

test('a quarantine is a folder of this repository, and no other folder is read as one', async () => {
  await using place = await testHome()
  const repository = createRepository(place.home)
  const revision = '1'.repeat(40)
  await mkdir(join(place.home.repository, 'objects', 'incoming-abc'))
  await symlink('/etc', join(place.home.repository, 'objects', 'incoming-link'))
  for (const path of ['', '/', '/etc', 'objects', '../..', 'incoming-link', 'pack', 'incoming-abc/..']) {
    const full = path.startsWith('/') || path === '' ? path : join(place.home.repository, 'objects', path)
    await expect(repository.read(revision, { path: full })).rejects.toThrow('is not where this repository keeps')
  }
  await expect(repository.read(revision, { path: join(place.home.repository, 'objects', 'incoming-abc') })).rejects.toThrow(
    'ls-tree',
  )
})

test('lines that Git would not send are no updates', () => {
  const good = `${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/main\n`
  expect(parseRefUpdates(good)).toEqual([{ old: undefined, new: '1'.repeat(40), ref: 'refs/heads/main' }])
  for (const bad of ['x', good.replace('refs/', ''), good.replace('1', '--'), `${good}x\n`, good.replace('main', 'a b')]) {
    expect(parseRefUpdates(bad)).toBeUndefined()
  }
})

describe('a push while the appliance does not run', () => {
  test('is still judged, and the pusher reads what happens next', async () => {
    await using place = await testHome()
    const clone = await place.clone()
    const revision = await clone.commit({ 'domains.yaml': site('a') })
    const accepted = await clone.git('push', 'origin', 'HEAD:main')
    expect(accepted).toMatchObject({ code: 0 })
    expect(remote(accepted.stderr)).toEqual([
      'valid; the appliance is not running, so there is no plan to show',
      'accepted; it will be converged when the appliance starts',
    ])
    expect(await createRepository(place.home).head()).toBe(revision)

    await clone.commit({ 'domains.yaml': 'domains:\n  A.example.com: { root: a }\n' })
    const refused = await clone.git('push', 'origin', 'HEAD:main')
    expect(refused.code).toBe(1)
    expect(remote(refused.stderr)[1]).toBe('domains.yaml:2:3: "A.example.com" has capital letters: write a.example.com')
    expect(await createRepository(place.home).head()).toBe(revision)
  })

  test('with its socket left behind by a crash is judged as well', async () => {
    await using place = await testHome()
    await mkdir(place.home.run, { recursive: true })
    const child = Bun.spawn(
      [
        process.execPath,
        '-e',
        `Bun.serve({ unix: ${JSON.stringify(place.home.apiSocket)}, fetch: () => new Response() }); console.log('up')`,
      ],
      {
        stdout: 'pipe',
      },
    )
    await child.stdout.getReader().read()
    child.kill('SIGKILL')
    await child.exited
    expect(await readdir(place.home.run)).toEqual(['api.sock'])
    const clone = await place.clone()
    await clone.commit({ 'domains.yaml': site('a') })
    expect(await clone.git('push', 'origin', 'HEAD:main')).toMatchObject({ code: 0 })
  })
})
