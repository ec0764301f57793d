import { afterEach, expect, test } from 'bun:test'
import { chmod, cp, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { replaceLink } from '../../runtime/os/files.ts'
import { freePorts } from '../../runtime/os/testing/free-ports.ts'
import { type NginxLayout, nginxLayout } from '../../runtime/services/nginx-layout.ts'
import type { Outcome } from '../engine/reconciler.ts'
import { type RenderSite, renderSite } from './render-site.ts'
import { createRig, dieAtStep, domains, proxySite, type Rig, redirectSite, staticSite, until } from './testing/rig.ts'

let rig: Rig
afterEach(() => rig.close())

const problems = (outcomes: readonly Outcome[]) =>
  outcomes.filter(outcome => outcome.error).map(outcome => `${outcome.key}: ${outcome.error?.message}`)

test('killed at any step, a fresh reconciler converges, nothing is lost or doubled, and the other site is served throughout', async () => {
  rig = await createRig()
  await rig.startNginx()
  const stays = redirectSite('stays.example.com', 'https://example.com')
  const before = domains(stays, staticSite('changes.example.com'), staticSite('goes.example.com', { tls: 'self-signed' }))
  const after = domains(stays, staticSite('changes.example.com', { cacheSeconds: 7 }), staticSite('comes.example.com'))
  const seen: string[] = []
  for (let number = 0; ; number++) {
    expect(problems((await rig.converge(before)).outcomes)).toEqual([])
    await writeFile(join(rig.home.www, 'goes', 'own.txt'), `round ${number}`)
    const step = await dieAtStep(rig.reconciler(), after, number)
    expect((await rig.get('stays.example.com')).status).toBe(308)
    const { outcomes, second } = await rig.converge(after, rig.reconciler())
    expect([step, problems(outcomes), second.changes]).toEqual([step, [], []])
    expect((await rig.get('comes.example.com')).status).toBe(200)
    expect((await rig.get('goes.example.com')).status).toBe(404)
    expect((await readdir(rig.home.www)).sort()).toEqual(['changes', 'comes'])
    // Each round began with those of the one before, which had come back.
    const archived = (await readdir(rig.home.archive)).filter(name => name.startsWith('goes-'))
    expect(archived.length).toBe(1)
    expect(await readFile(join(rig.home.archive, archived[0] ?? '', 'own.txt'), 'utf8')).toBe(`round ${number}`)
    if (step === undefined) break
    seen.push(step)
  }
  expect(seen).toEqual([
    'begin',
    'staged',
    'released',
    'tested',
    'switched',
    'reloaded',
    'verified',
    'files archived',
    'archived',
    'done',
  ])
}, 60_000)

test('killed before or after they have come back, the files of a removed site that is declared again are served in the end, and are nowhere twice', async () => {
  rig = await createRig()
  await rig.startNginx()
  const stays = redirectSite('stays.example.com', 'https://example.com')
  const [gone, all] = [domains(stays), domains(stays, staticSite('back.example.com'))]
  await rig.converge(all)
  await writeFile(join(rig.home.www, 'back', 'own.txt'), 'the only copy')
  for (const [number, step] of ['begin', 'staged'].entries()) {
    expect(problems((await rig.converge(gone)).outcomes)).toEqual([])
    expect(await dieAtStep(rig.reconciler(), all, number)).toBe(step)
    const { outcomes, second } = await rig.converge(all, rig.reconciler())
    expect([step, problems(outcomes), second.changes]).toEqual([step, [], []])
    expect(await (await rig.get('back.example.com', '/own.txt')).text()).toBe('the only copy')
    expect((await readdir(rig.home.archive)).filter(name => name.startsWith('back-'))).toEqual([])
  }
}, 60_000)

test('what a note of the archive leads to is a folder of the archive itself, and nothing that is there is written over', async () => {
  rig = await createRig()
  await rig.startNginx()
  const secret = join(rig.home.root, 'secret')
  await mkdir(secret)
  await writeFile(join(secret, 'key'), 'secret')
  const stays = redirectSite('stays.example.com', 'https://example.com')
  const [gone, site] = [domains(stays), domains(stays, staticSite('blog.example.com'))]
  await rig.converge(site)
  await writeFile(join(rig.home.www, 'blog', 'own.txt'), 'own')
  await rig.converge(gone)
  const note = join(rig.home.archive, 'sites', 'blog.example.com.json')
  const { name, ...rest } = JSON.parse(await readFile(note, 'utf8'))
  await symlink(secret, join(rig.home.archive, 'link'))
  for (const evil of ['../secret', 'link']) {
    await writeFile(note, JSON.stringify({ ...rest, name: evil }))
    expect(problems((await rig.converge(site)).outcomes)).toEqual([])
    expect((await rig.get('blog.example.com', '/key')).status).toBe(404)
    expect(await readFile(join(secret, 'key'), 'utf8')).toBe('secret')
    await rig.converge(gone)
  }
  // Somebody made a web root meanwhile: it is the one that counts.
  await writeFile(note, JSON.stringify({ ...rest, name }))
  await mkdir(join(rig.home.www, 'blog'))
  await writeFile(join(rig.home.www, 'blog', 'new.txt'), 'new')
  await rig.converge(site)
  expect(await readdir(join(rig.home.www, 'blog'))).toEqual(['new.txt'])
  expect(await readFile(join(rig.home.archive, name, 'own.txt'), 'utf8')).toBe('own')
})

/** A renderer with a mistake for hosts that begin with `bad`. */
const broken =
  (line: string): RenderSite =>
  (model, context) => {
    const site = renderSite(model, context)
    return model.host.startsWith('bad') ? { ...site, text: site.text.replace('server_name ', `${line}\n  server_name `) } : site
  }

test('a site that nginx refuses fails alone with its words, keeps its old file, and nginx still starts', async () => {
  rig = await createRig()
  await rig.startNginx()
  await rig.converge(domains(redirectSite('bad.example.com', 'https://old.example.com')))
  const wanted = domains(
    redirectSite('bad.example.com', 'https://new.example.com'),
    redirectSite('bad-too.example.com', 'https://new.example.com'),
    staticSite('good.example.com'),
  )
  const { outcomes } = await rig.converge(wanted, rig.reconciler({ render: broken('no_such_directive on;') }))
  expect(
    outcomes
      .filter(outcome => outcome.error)
      .map(outcome => outcome.key)
      .sort(),
  ).toEqual(['bad-too.example.com', 'bad.example.com'])
  const [first] = problems(outcomes)
  expect(first).toMatch(/nginx refuses it: unknown directive "no_such_directive" in bad-too\.example\.com-\w+\.conf:\d+/)
  expect((await rig.get('bad.example.com')).headers.get('location')).toBe('https://old.example.com/')
  expect((await rig.get('bad-too.example.com')).status).toBe(404)
  expect((await rig.get('good.example.com')).status).toBe(200)
  await rig.stopNginx()
  await rig.startNginx()
  expect((await rig.get('bad.example.com')).headers.get('location')).toBe('https://old.example.com/')
  expect((await rig.get('good.example.com')).status).toBe(200)
  const { outcomes: healed, second } = await rig.converge(wanted)
  expect([problems(healed), second.changes]).toEqual([[], []])
})

test('a culprit that nginx does not name is found, and the others go live', async () => {
  rig = await createRig()
  const nameless: Rig['dependencies']['spawn'] = async (argv, options) => {
    const result = await rig.dependencies.spawn(argv, options)
    return argv.includes('-t') && result.code !== 0 ? { ...result, stderr: 'nginx: [emerg] something is wrong' } : result
  }
  await rig.startNginx()
  const wanted = domains(...['a', 'b', 'bad', 'c', 'd'].map(name => redirectSite(`${name}.example.com`, 'https://example.com')))
  const { outcomes } = await rig.converge(wanted, rig.reconciler({ render: broken('oops;'), spawn: nameless }))
  expect(problems(outcomes)).toEqual(['bad.example.com: nginx refuses it: something is wrong'])
  expect((await rig.get('d.example.com')).status).toBe(308)
})

test('a site that passes the test but does not come up gets its old file back, alone', async () => {
  rig = await createRig()
  await rig.startNginx()
  await rig.converge(domains(staticSite('bad.example.com'), staticSite('good.example.com')))
  const wanted = domains(staticSite('bad.example.com', { cacheSeconds: 1 }), staticSite('good.example.com', { cacheSeconds: 1 }))
  const { outcomes } = await rig.converge(wanted, rig.reconciler({ render: broken('return 503;') }))
  expect(problems(outcomes)).toEqual([expect.stringContaining('bad.example.com: ')])
  expect((await rig.get('bad.example.com')).status).toBe(200)
  expect((await rig.get('good.example.com')).headers.get('cache-control')).toBe('no-cache')
  await rig.stopNginx()
  await rig.startNginx()
  expect((await rig.get('bad.example.com')).status).toBe(200)
})

test('a killed nginx leaves no worker behind, and the next one starts on the same configuration', async () => {
  rig = await createRig()
  await rig.startNginx()
  const wanted = domains(staticSite('blog.example.com'))
  await rig.converge(wanted)
  await rig.stopNginx('SIGKILL')
  const { outcomes, second } = await rig.converge(domains(staticSite('blog.example.com', { cacheSeconds: 1 })))
  expect(problems(outcomes)).toEqual([expect.stringContaining('blog.example.com: nginx is not running')])
  expect(outcomes[0]?.error).toMatchObject({ kind: 'waiting' })
  expect(second.obstacles.map(({ key, state, reason }) => ({ key, state, reason }))).toEqual([
    { key: 'blog.example.com', state: 'waiting', reason: 'nginx-down' },
  ])
  await rig.startNginx()
  expect((await rig.look(domains(staticSite('blog.example.com', { cacheSeconds: 1 })))).changes).toEqual([])
  expect((await rig.get('blog.example.com')).status).toBe(200)
})

test('when a stranger has the port, the sites say which one and who', async () => {
  rig = await createRig()
  const stranger = createServer()
  await new Promise<void>(resolve => stranger.listen(rig.dependencies.ports.http, () => resolve()))
  const { obstacles } = (await rig.converge(domains(staticSite('blog.example.com')))).second
  stranger.close()
  expect(obstacles[0]?.message).toContain(`port ${rig.dependencies.ports.http} is taken by `)
  expect(obstacles[0]?.message).toContain(`(pid ${process.pid})`)
})

test('a folder that cannot be written fails the change with the reason and leaves what is served alone', async () => {
  rig = await createRig()
  await rig.startNginx()
  await rig.converge(domains(staticSite('blog.example.com')))
  const sites = join(rig.home.nginx, 'sites')
  await chmod(sites, 0o500)
  const wanted = domains(staticSite('blog.example.com'), staticSite('new.example.com'))
  const { outcomes } = await rig.converge(wanted)
  await chmod(sites, 0o755)
  expect(problems(outcomes)).toEqual([expect.stringContaining('new.example.com: EACCES: permission denied')])
  expect((await rig.get('blog.example.com')).status).toBe(200)
  expect((await rig.converge(wanted)).second.changes).toEqual([])
})

test('nginx starts without DNS, and after its whole folder was deleted', async () => {
  rig = await createRig({ resolve: async () => ['127.0.0.1'] })
  await rig.startNginx()
  const app = proxySite('app.example.com', 1, { upstream: { protocol: 'http', host: 'backend.invalid', port: 1, path: '' } })
  const blog = staticSite('blog.example.com')
  await rig.converge(domains(app, blog))
  await rig.stopNginx()
  await rig.startNginx()
  expect((await rig.get('blog.example.com')).status).toBe(200)
  await rig.stopNginx()
  await rm(rig.home.nginx, { recursive: true })
  await rig.startNginx()
  const { outcomes, second } = await rig.converge(domains(app, blog))
  expect([problems(outcomes), second.changes]).toEqual([[], []])
  expect((await rig.get('blog.example.com')).status).toBe(200)
})

test('a folder that was deleted under a running nginx makes it start again', async () => {
  rig = await createRig()
  await rig.startNginx()
  const wanted = domains(staticSite('blog.example.com'))
  await rig.converge(wanted)
  await rm(rig.home.www, { recursive: true })
  const { outcomes } = await rig.converge(wanted)
  expect(problems(outcomes)).toEqual([expect.stringContaining('nginx is restarted')])
  await until('nginx has ended', () => rig.dependencies.nginx.pid() === undefined)
  await rig.startNginx()
  expect((await rig.converge(wanted)).second.changes).toEqual([])
  expect((await rig.get('blog.example.com')).status).toBe(200)
})

test('when nginx cannot take the new configuration, the old one stays in use and is what it starts with', async () => {
  rig = await createRig()
  await rig.startNginx()
  await rig.converge(domains(staticSite('blog.example.com')))
  const [other = 0] = freePorts(1)
  const stranger = createServer()
  await new Promise<void>(resolve => stranger.listen(other, '0.0.0.0', () => resolve()))
  const ports = { ...rig.dependencies.ports, http: other }
  const { outcomes } = await rig.converge(domains(staticSite('blog.example.com')), rig.reconciler({ ports }))
  stranger.close()
  expect(problems(outcomes)).toEqual([expect.stringMatching(/nginx did not take the new configuration: bind\(\) to .* failed/)])
  expect((await rig.get('blog.example.com')).status).toBe(200)
  expect((await rig.look(domains(staticSite('blog.example.com')))).changes).toEqual([])
}, 60_000)

test('whatever lies where a web root or a file of one site belongs, only that site fails, and says so', async () => {
  rig = await createRig()
  await rig.startNginx()
  const names = ['file', 'circle', 'closed', 'folder', 'good']
  const all = domains(...names.map(name => staticSite(`${name}.example.com`)))
  await rig.converge(all)
  const { home } = rig
  for (const name of ['file', 'circle']) await rm(join(home.www, name), { recursive: true })
  await writeFile(join(home.www, 'file'), 'not a folder')
  await symlink('circle', join(home.www, 'circle'))
  await chmod(join(home.www, 'closed'), 0)
  const siteFile = (await readdir(join(home.nginx, 'sites'))).find(name => name.startsWith('folder.')) ?? ''
  await rm(join(home.nginx, 'sites', siteFile))
  await mkdir(join(home.nginx, 'sites', siteFile))
  const { outcomes } = await rig.converge(domains(...all.values(), staticSite('new.example.com')))
  await chmod(join(home.www, 'closed'), 0o755)
  expect(problems(outcomes).join('\n')).toContain('www/file is no folder that can be served')
  expect(problems(outcomes).filter(problem => /^(new|good)/.test(problem))).toEqual([])
  expect([(await rig.get('new.example.com')).status, (await rig.get('good.example.com')).status]).toEqual([200, 200])
})

test('after an upgrade whose rules do not fit the old site files, nginx starts with the old ones until all are written anew', async () => {
  rig = await createRig()
  await rig.startNginx()
  const wanted = domains(staticSite('blog.example.com'), redirectSite('old.example.com', 'https://blog.example.com'))
  await rig.converge(wanted)
  await rig.stopNginx()
  await asAnotherVersion(nginxLayout(rig.home))
  await rig.startNginx()
  expect((await rig.get('blog.example.com')).status).toBe(200)
  expect((await rig.get('old.example.com')).status).toBe(308)
  const { outcomes, second } = await rig.converge(wanted)
  expect([problems(outcomes), second.changes]).toEqual([[], []])
  expect((await rig.get('old.example.com')).status).toBe(308)
})

test('after an upgrade a site that has to wait keeps no other from the new version, nor do limits that the running nginx has', async () => {
  let resolved = ['127.0.0.1']
  rig = await createRig({ resolve: async () => resolved })
  await rig.startNginx()
  const [free = 0] = freePorts(1)
  const wanted = domains(
    staticSite('blog.example.com'),
    proxySite('app.example.com', free, { upstream: { protocol: 'http', host: 'app.internal', port: free, path: '' } }),
  )
  await rig.converge(wanted)
  await rig.stopNginx()
  await asAnotherVersion(nginxLayout(rig.home))
  await rig.startNginx()
  resolved = []
  const { outcomes } = await rig.converge(wanted)
  expect(problems(outcomes).filter(problem => problem.startsWith('blog'))).toEqual([])
  expect(await readFile(join(rig.home.nginx, 'current', 'nginx.conf'), 'utf8')).not.toContain('of_another_version')
  expect([(await rig.get('blog.example.com')).status, (await rig.get('app.example.com')).status]).toEqual([200, 502])
})

/** What a version would have left behind whose sites use a variable that this version does not have. */
async function asAnotherVersion(layout: NginxLayout): Promise<void> {
  const generation = await realpath(layout.current)
  const base = join(layout.base, 'anotherversion')
  await cp(dirname(await realpath(join(generation, 'nginx.conf'))), base, { recursive: true })
  const main = await readFile(join(base, 'nginx.conf'), 'utf8')
  await writeFile(join(base, 'nginx.conf'), main.replace(/^http \{$/m, 'http {\n  map $host $of_another_version { default 1; }'))
  const limits = join(base, 'snippets', 'limits.conf')
  const renamed = (await readFile(limits, 'utf8')).replaceAll('_by_address', '').replaceAll('$binary_remote_addr', '$remote_addr')
  await writeFile(limits, renamed)
  for (const name of ['nginx.conf', 'snippets']) await replaceLink(join(generation, name), `../../base/anotherversion/${name}`)
  for (const file of await readdir(layout.sites)) {
    const path = join(layout.sites, file)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('  server_name ', '  set $was $of_another_version;\n  server_name '))
  }
}
