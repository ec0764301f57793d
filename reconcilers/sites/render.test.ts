import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { homeAt } from '../../runtime/os/home.ts'
import { renderBase } from './generation.ts'
import type { SiteContent, SiteModel } from './model.ts'
import { readIndex, renderIndex } from './render-main.ts'
import { renderSite, siteFileName } from './render-site.ts'
import { readSeal, sealed, sealedSubject } from './seal.ts'
import { renderSnippets } from './snippets.ts'
import { storedModel } from './stored-model.ts'
import { renderContext } from './world.ts'

const context = renderContext({ home: homeAt('/srv/ai-infra'), ports: { http: 8080, https: 8443, portal: 3000 }, ipv6: true })

const site = (content: SiteContent, more: Partial<SiteModel> = {}): SiteModel => ({
  host: 'blog.example.com',
  aliases: [],
  certificate: undefined,
  content,
  ...more,
})
const staticContent: SiteContent = {
  kind: 'static',
  root: 'blog',
  index: ['index.html', 'index.htm'],
  notFound: '404.html',
  cacheSeconds: 3600,
}
const proxyContent: Extract<SiteContent, { kind: 'proxy' }> = {
  kind: 'proxy',
  protocol: 'http',
  upstream: 'backend.internal',
  port: 9000,
  path: '',
  addresses: ['10.0.0.5', 'fd00::5'],
  websocket: true,
  timeoutSeconds: 60,
  bodyMebibytes: 16,
}

const golden: Readonly<Record<string, SiteModel>> = {
  static: site(staticContent, { aliases: ['www.blog.example.com'] }),
  'static-tls': site(staticContent, { certificate: '0123456789abcdef' }),
  proxy: site(proxyContent),
  'proxy-https': site({
    ...proxyContent,
    protocol: 'https',
    upstream: 'api.example.net',
    port: 443,
    path: '/v1/',
    websocket: false,
  }),
  redirect: site({ kind: 'redirect', to: 'https://example.com', keepsPath: true, status: 308 }),
  'redirect-path': site({ kind: 'redirect', to: 'https://example.com/new?a=1&b=2', keepsPath: false, status: 301 }),
  'static-apart': site(staticContent, {
    ...{ host: 'blog.example.com', aliases: ['late.example.com', '*.blog.example.com'], certificate: '0123456789abcdef' },
    hsts: { seconds: 600, subdomains: false, preload: false },
    apart: [
      {
        names: ['www.blog.example.com'],
        certificate: '0123456789abcdef',
        hsts: { seconds: 600, subdomains: false, preload: false },
      },
      { names: ['*.blog.example.com', 'late.example.com'], certificate: 'fedcba9876543210' },
    ],
  }),
  portal: site({ kind: 'portal' }, { certificate: '0123456789abcdef' }),
  'star-hsts': site(
    { ...proxyContent, websocket: false },
    {
      ...{ host: '*.example.com', aliases: ['example.com'], certificate: '0123456789abcdef' },
      hsts: { seconds: 31_536_000, subdomains: true, preload: false },
    },
  ),
}

/** Compares with the committed file; AI_INFRA_UPDATE_GOLDEN=1 writes it anew. */
async function expectGolden(name: string, text: string): Promise<void> {
  const path = join(import.meta.dir, 'golden', name)
  if (process.env.AI_INFRA_UPDATE_GOLDEN === '1') await Bun.write(path, text)
  expect(text).toBe(await Bun.file(path).text())
}

for (const [name, model] of Object.entries(golden)) {
  test(`the file of a ${name} site is as committed, and says what it was rendered from`, async () => {
    const { text, file, fingerprint } = renderSite(model, context)
    await expectGolden(`${name}.conf`, text)
    expect(readSeal(text)).toBe('intact')
    expect(storedModel(text)).toEqual(model)
    const application = model.content.kind === 'proxy' || model.content.kind === 'portal'
    expect(file).toBe(`${model.host.replace('*', '_')}-${fingerprint.slice(0, 12)}${application ? '.application' : ''}.conf`)
    expect(renderSite(model, context)).toEqual({ host: model.host, text, file, fingerprint })
  })
}

test('nginx.conf and the snippets are as committed', async () => {
  const { files } = renderBase(context)
  await expectGolden('base.txt', [...files].map(([path, text]) => `==> ${path}\n${text}`).join('\n'))
})

test('two sites that differ in anything have different fingerprints', () => {
  const variants = [
    ...Object.values(golden),
    site({ ...proxyContent, addresses: ['10.0.0.6'] }),
    site(staticContent, { certificate: 'fedcba9876543210' }),
    site({ ...proxyContent, timeoutSeconds: 61 }),
  ]
  expect(new Set(variants.map(model => renderSite(model, context).fingerprint)).size).toBe(variants.length)
})

test('a list of sites is read back as it was written, and a changed one is recognised', () => {
  const index = new Map([
    ['b.example.com', 'b.example.com-1.conf'],
    ['a.example.com', 'a.example.com-2.conf'],
  ])
  const text = renderIndex(index)
  expect(readIndex(text)).toEqual(new Map([...index].sort()))
  expect(readSeal(text)).toBe('intact')
  expect(readSeal(`${text}include /etc/passwd;\n`)).toBe('edited')
  expect(readSeal('server {}')).toBe('foreign')
  expect(sealedSubject(sealed('site a.example.com', 'x'))).toBe('site a.example.com')
})

test('nginx is given the variables of applications only where there is one', () => {
  const variables = 'include snippets/application-variables.conf;'
  expect(renderIndex(new Map([['a.example.com', 'a.example.com-1.conf']]))).not.toContain(variables)
  const index = new Map([
    ['a.example.com', 'a.example.com-1.conf'],
    ['b.example.com', 'b.example.com-2.application.conf'],
  ])
  expect(renderIndex(index)).toContain(variables)
  expect(readIndex(renderIndex(index))).toEqual(index)
})

test('the longest host name still makes a file name that Linux takes', () => {
  const host = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
  expect(siteFileName({ host, content: { kind: 'portal' } }, '0'.repeat(16)).length).toBeLessThanOrEqual(255 - 20)
})

const attacks = ['a;b', 'a{b', 'a}b', 'a$b', 'a"b', "a'b", 'a\nb', 'a\0b', 'a b', 'a\\b', '../x', 'a#b', '', 'ä']

test('no string that means something to nginx reaches a file, whatever validation let through', () => {
  for (const bad of attacks) {
    const models: readonly SiteModel[] = [
      site(staticContent, { host: bad }),
      site(staticContent, { aliases: [bad] }),
      site(staticContent, { certificate: bad }),
      site({ ...staticContent, root: bad }),
      site({ ...staticContent, index: [bad] }),
      site({ ...staticContent, notFound: bad }),
      site({ ...proxyContent, addresses: [bad] }),
      site({ ...proxyContent, protocol: 'https', upstream: bad }),
      site({ ...proxyContent, path: `/${bad}` }),
      site({ kind: 'redirect', to: `https://example.com/${bad}`, keepsPath: true, status: 301 }),
    ]
    for (const model of models.filter(one => !harmless(one, bad))) {
      expect(() => renderSite(model, context)).toThrow(/is not/)
    }
  }
  for (const seconds of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => renderSite(site({ ...staticContent, cacheSeconds: seconds }), context)).toThrow(/whole number/)
  }
})

/** A URL may hold dots, a number sign and nothing at all in its path. */
const harmless = ({ content }: SiteModel, bad: string) =>
  (content.kind === 'redirect' && ['../x', 'a#b', ''].includes(bad)) ||
  (content.kind === 'proxy' && content.path !== '' && ['../x', ''].includes(bad))

test('the group for the exchange of keys is the one of RFC 7919, as openssl knows it', () => {
  const made = Bun.spawnSync(['openssl', 'genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe3072'])
  expect(renderSnippets(context).get('ffdhe3072.pem')).toBe(made.stdout.toString())
})
