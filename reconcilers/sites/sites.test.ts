import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outcome, Plan } from '../engine/reconciler.ts'
import { createRig, domains, type Rig, redirectSite, staticSite } from './testing/rig.ts'
import { unknownPage } from './unknown-page.ts'

const problems = (outcomes: readonly Outcome[]) =>
  outcomes.filter(outcome => outcome.error).map(outcome => `${outcome.key}: ${outcome.error?.message}`)

const lines = (plan: Plan<unknown>) => plan.changes.map(change => `${change.operation} ${change.key}: ${change.summary}`)

describe('a real nginx', () => {
  let rig: Rig
  beforeAll(async () => {
    rig = await createRig()
    await rig.startNginx()
  })
  afterAll(() => rig.close())

  test('a new static site is served with a placeholder page, and a second look changes nothing', async () => {
    const wanted = domains(staticSite('blog.example.com', { aliases: ['www.blog.example.com'] }))
    const { first, outcomes, second } = await rig.converge(wanted)
    expect(lines(first)).toEqual(['create blog.example.com: serve www/blog'])
    expect(problems(outcomes)).toEqual([])
    expect(second).toEqual({ changes: [], obstacles: [], notes: new Map() })
    for (const host of ['blog.example.com', 'www.blog.example.com']) {
      const response = await rig.get(host)
      expect(response.status).toBe(200)
      expect(await response.text()).toContain(join(rig.home.www, 'blog'))
    }
  })

  test('an unknown name gets 404, over TLS no handshake, and probes are answered inside only', async () => {
    const stranger = await rig.get('stranger.example.com', '/any')
    expect([stranger.status, stranger.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
    expect(await stranger.text()).toBe(unknownPage)
    expect(unknownPage).not.toMatch(/['$\\]|https?:|nginx|infra/i)
    expect(await rig.getTls('stranger.example.com')).toContain('unrecognized name')
    for (const host of ['blog.example.com', 'stranger.example.com']) {
      const response = await rig.get(host, '/.well-known/ai-infrastructure', { headers: { 'x-real-ip': 'unix:' } })
      expect(response.status).toBe(404)
    }
  })

  test('pages are asked for again, assets are kept, and the headers that browsers need are there', async () => {
    const root = join(rig.home.www, 'blog')
    await mkdir(join(root, '.well-known'))
    await writeFile(join(root, 'index.html'), '<h1>Hello</h1>')
    await writeFile(join(root, 'style.css'), `body{}${' '.repeat(4_000)}`)
    await writeFile(join(root, '404.html'), 'nothing here')
    await writeFile(join(root, '.env'), 'SECRET=1')
    await writeFile(join(root, '.well-known', 'security.txt'), 'Contact: me')
    await mkdir(join(root, 'photos'))
    const wanted = domains(staticSite('blog.example.com', { notFound: '404.html', cacheSeconds: 600 }))
    const { first, second } = await rig.converge(wanted)
    expect(first.changes[0]?.fields).toEqual([
      { name: 'not_found', before: '', after: '404.html' },
      { name: 'cache_seconds', before: '3600', after: '600' },
      { name: 'aliases', before: 'www.blog.example.com', after: '' },
    ])
    expect(second.changes).toEqual([])
    const page = await rig.get('blog.example.com')
    expect(await page.text()).toBe('<h1>Hello</h1>')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    expect(page.headers.get('etag')).toBeTruthy()
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    const style = await rig.get('blog.example.com', '/style.css')
    expect(style.headers.get('cache-control')).toBe('max-age=600')
    expect(style.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(style.headers.get('content-encoding')).toBe('gzip')
    const unknown = await rig.get('blog.example.com', '/nope')
    expect([unknown.status, await unknown.text()]).toEqual([404, 'nothing here'])
    expect((await rig.get('blog.example.com', '/.env')).status).toBe(404)
    expect((await rig.get('blog.example.com', '/photos/')).status).toBe(403)
    expect((await rig.get('blog.example.com', '/.well-known/security.txt')).status).toBe(200)
    expect((await rig.get('www.blog.example.com')).status).toBe(404)
  })

  test('a link in a web root is refused, and no spelling of a path leaves it', async () => {
    const root = join(rig.home.www, 'blog')
    await writeFile(join(rig.home.root, 'secret.txt'), 'secret')
    await symlink(join(rig.home.root, 'secret.txt'), join(root, 'link.txt'))
    await symlink('/etc', join(root, 'etc'))
    await symlink('..', join(root, 'up'))
    for (const path of [
      '/link.txt',
      '/etc/hostname',
      '/up/other/index.html',
      '/..%2f..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '//etc/passwd',
    ]) {
      const response = await rig.get('blog.example.com', path)
      expect([path, [400, 403, 404].includes(response.status)]).toEqual([path, true])
      expect(await response.text()).not.toContain('secret')
    }
  })

  test('a redirect keeps the path when it names none, and goes exactly where it says when it does', async () => {
    const wanted = domains(
      staticSite('blog.example.com'),
      redirectSite('old.example.com', 'https://blog.example.com'),
      redirectSite('shop.example.com', 'https://example.com/shop?x=1&y=2', { keepsPath: false, status: 302 }),
    )
    expect(problems((await rig.converge(wanted)).outcomes)).toEqual([])
    const old = await rig.get('old.example.com', '/a?b=c')
    expect([old.status, old.headers.get('location')]).toEqual([308, 'https://blog.example.com/a?b=c'])
    const shop = await rig.get('shop.example.com', '/a')
    expect([shop.status, shop.headers.get('location')]).toEqual([302, 'https://example.com/shop?x=1&y=2'])
  })

  test('what somebody changes by hand is put back, with the reason', async () => {
    const wanted = domains(staticSite('blog.example.com'), redirectSite('old.example.com', 'https://blog.example.com'))
    await rig.converge(wanted)
    const { nginx } = rig.home
    const index = await readFile(join(nginx, 'current', 'sites.conf'), 'utf8')
    const site = join(nginx, 'sites', /blog\.example\.com-\w+\.conf/.exec(index)?.[0] ?? '')
    const [base = ''] = await readdir(join(nginx, 'base'))
    const damages: [() => Promise<void>, string][] = [
      [
        async () => writeFile(site, `${await readFile(site, 'utf8')}# mine\n`),
        'put back blog.example.com: its file was edited by hand',
      ],
      [() => rm(site), 'put back blog.example.com: its file was deleted'],
      [() => writeFile(site, 'return 200;'), 'put back blog.example.com: its file was edited by hand'],
      [() => rm(join(nginx, 'current')), "put back nginx's configuration: the link nginx/current was gone"],
      [
        () => writeFile(join(nginx, 'current', 'sites.conf'), ''),
        "put back nginx's configuration: sites.conf was edited by hand",
      ],
      [() => rm(join(nginx, 'current', 'sites.conf')), "put back nginx's configuration: sites.conf was deleted"],
      [
        () => writeFile(join(nginx, 'base', base, 'nginx.conf'), 'x'),
        "put back nginx's configuration: nginx.conf was edited by hand",
      ],
      [
        () => rm(join(nginx, 'base', base, 'snippets', 'tls.conf')),
        "put back nginx's configuration: snippets/tls.conf was deleted",
      ],
      [() => rm(join(rig.home.www, 'blog'), { recursive: true }), 'make its web root again: it was gone'],
    ]
    for (const [damage, summary] of damages) {
      await damage()
      const { first, outcomes, second } = await rig.converge(wanted)
      expect(lines(first)).toEqual([`update blog.example.com: ${summary}`])
      expect(problems(outcomes)).toEqual([])
      expect([summary, second.changes]).toEqual([summary, []])
      expect((await rig.get('blog.example.com')).status).toBe(200)
    }
  })

  test('a file of somebody else in our folder is neither read by nginx nor touched', async () => {
    const foreign = join(rig.home.nginx, 'sites', 'theirs.conf')
    await writeFile(foreign, 'server { listen 1; }')
    const wanted = domains(
      staticSite('blog.example.com', { cacheSeconds: 5 }),
      redirectSite('old.example.com', 'https://x.example.com'),
    )
    expect(problems((await rig.converge(wanted)).outcomes)).toEqual([])
    expect(await readFile(foreign, 'utf8')).toBe('server { listen 1; }')
    expect(await readFile(join(rig.home.nginx, 'current', 'sites.conf'), 'utf8')).not.toContain('theirs')
  })

  test('old generations and files that none of them names go away', async () => {
    for (let seconds = 10; seconds < 20; seconds++) {
      await rig.converge(domains(staticSite('blog.example.com', { cacheSeconds: seconds })))
    }
    expect((await readdir(join(rig.home.nginx, 'generations'))).length).toBe(5)
    const files = (await readdir(join(rig.home.nginx, 'sites'))).filter(name => name.startsWith('blog'))
    expect(files.length).toBe(5)
    expect((await rig.get('blog.example.com', '/style.css')).status).toBe(404)
  })

  test('a removed site is gone from nginx, and its files are in the archive', async () => {
    await writeFile(join(rig.home.www, 'blog', 'kept.txt'), 'precious')
    const { first, outcomes, second } = await rig.converge(domains(redirectSite('old.example.com', 'https://new.example.com')))
    expect(lines(first)).toEqual([
      'delete blog.example.com: stop serving it, move www/blog to the archive',
      'create old.example.com: redirect to https://new.example.com',
    ])
    expect(problems(outcomes)).toEqual([])
    expect(second.changes).toEqual([])
    expect((await rig.get('blog.example.com')).status).toBe(404)
    const [archived = '', ...more] = (await readdir(rig.home.archive)).filter(name => name !== 'sites')
    expect([archived, more]).toEqual([expect.stringMatching(/^blog-/), []])
    expect(await readFile(join(rig.home.archive, archived, 'kept.txt'), 'utf8')).toBe('precious')
    expect(await readdir(rig.home.www)).toEqual([])
  })

  test('a removed site that is declared again has its files again, once, and says so; another root or host has not', async () => {
    const [name = ''] = (await readdir(rig.home.archive)).filter(each => each !== 'sites')
    const old = redirectSite('old.example.com', 'https://new.example.com')
    const others = [staticSite('other.example.com', { root: 'blog' }), staticSite('blog.example.com', { root: 'blog2' })]
    await rig.converge(domains(old, ...others))
    expect(await readFile(join(rig.home.archive, name, 'kept.txt'), 'utf8')).toBe('precious')
    await rig.converge(domains(old))
    const { first, outcomes, second } = await rig.converge(domains(old, staticSite('blog.example.com')))
    expect(lines(first)).toEqual([`create blog.example.com: serve www/blog, with its files from archive/${name}`])
    expect([problems(outcomes), second.changes]).toEqual([[], []])
    expect(second.notes?.get('blog.example.com')).toMatch(/^its files came back from the archive on 20\d\d-\d\d-\d\dT\d\d:\d\dZ$/)
    expect(await (await rig.get('blog.example.com', '/kept.txt')).text()).toBe('precious')
    expect((await readdir(rig.home.archive)).includes(name)).toBe(false)
    // Gone for good by hand: nothing comes from anywhere.
    await rm(join(rig.home.www, 'blog'), { recursive: true })
    const again = await rig.converge(domains(old, staticSite('blog.example.com')))
    expect(lines(again.first)).toEqual(['update blog.example.com: make its web root again: it was gone'])
    expect(again.second).toMatchObject({ changes: [], notes: new Map() })
    await rig.converge(domains(old))
  })

  test('a site can become an alias of another one in the same commit, and a site of its own again', async () => {
    const alone = [staticSite('one.example.com'), staticSite('two.example.com')]
    await rig.converge(domains(...alone))
    const joined = await rig.converge(domains(staticSite('one.example.com', { aliases: ['two.example.com'] })))
    expect([problems(joined.outcomes), joined.second.changes]).toEqual([[], []])
    expect(await (await rig.get('two.example.com')).text()).toContain(join(rig.home.www, 'one'))
    const parted = await rig.converge(domains(...alone))
    expect([problems(parted.outcomes), parted.second.changes]).toEqual([[], []])
    expect(await (await rig.get('two.example.com')).text()).toContain(join(rig.home.www, 'two'))
  })

  test('a web root that another domain still serves stays where it is', async () => {
    const one = staticSite('one.example.com', { root: 'shared' })
    await rig.converge(domains(one, staticSite('two.example.com', { root: 'shared' })))
    const { first } = await rig.converge(domains(one))
    expect(lines(first)).toContain('delete two.example.com: stop serving it')
    expect((await rig.get('one.example.com')).status).toBe(200)
  })
})
