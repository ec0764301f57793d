import { beforeEach, expect, test } from 'bun:test'
import { house } from '../testing/house.ts'
import { emptyFields, entryOfFields, fieldsOfEntry } from './entry.ts'
import { placeMistakes } from './mistakes.ts'
import { textDiff } from './text-diff.ts'

const yaml = `# Ours.
domains:
  # The blog.
  blog.example.com: { root: blog, aliases: [www.blog.example.com], cache_seconds: 60 }
  bücher.example: { root: books }
`
const head = 'a'.repeat(40)
let home: ReturnType<typeof house>

beforeEach(() => {
  home = house()
  home.repository.add({ revision: head, subject: 'first' }, { 'domains.yaml': yaml }, '')
  home.engine.set({ revision: head, desired: head, converged: true })
  home.engine.planned = {
    ...home.engine.planned,
    changes: [{ kind: 'site', key: 'shop.example.com', operation: 'create', summary: 'proxy to 127.0.0.1:9000', fields: [] }],
  }
})

const shop = { host: 'shop.example.com', kind: 'proxy', proxy: 'http://127.0.0.1:9000', websocket: 'yes', timeout_seconds: '120' }

/** The hidden fields of the last form of a page: what a browser would send. */
function hiddenIn(html: string): Record<string, string> {
  const form = html.slice(html.lastIndexOf('class="decide"'))
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return Object.fromEntries(
    fields.map(([, name = '', value = '']) => [name, value.replaceAll('&quot;', '"').replaceAll('&amp;', '&')]),
  )
}

const fileNow = async () => (await home.repository.file((await home.repository.head()) ?? '', 'domains.yaml')) ?? ''

test('adding a domain shows plan and diff first, then commits by the person and leads to the change', async () => {
  const review = await home.post('/domains/review', shop)
  const html = await review.text()
  expect(review.status).toBe(200)
  expect(html).toContain('proxy to 127.0.0.1:9000')
  expect(html).toContain('+  shop.example.com: { proxy: http://127.0.0.1:9000, websocket: true, timeout_seconds: 120 }')
  expect(await fileNow()).toBe(yaml)
  const committed = await home.post('/domains/commit', hiddenIn(html))
  const revision = (await home.repository.head()) ?? ''
  expect([committed.status, committed.headers.get('location')]).toEqual([303, `/changes/${revision}`])
  const commit = await home.repository.commit(revision)
  expect([commit?.subject, commit?.author]).toEqual([
    'domains: add shop.example.com',
    { name: 'Ada Lovelace', email: 'ada@example.com' },
  ])
  expect(await fileNow()).toStartWith(yaml.trimEnd())
  expect(home.engine.asked).toEqual(['moved'])
  expect(home.audited).toEqual(['commit asked', 'commit allowed'])
})

test('editing keeps comments, and what the form does not show', async () => {
  const form = await (await home.get('/domains/blog.example.com/edit')).text()
  expect(form).toContain('value="www.blog.example.com"')
  const fields = { host: 'blog.example.com', existing: 'yes', kind: 'root', root: 'journal', aliases: 'www.blog.example.com' }
  await home.post('/domains/commit', hiddenIn(await (await home.post('/domains/review', fields)).text()))
  expect(await fileNow()).toContain(
    '  # The blog.\n  blog.example.com: { root: journal, cache_seconds: 60, aliases: [ www.blog.example.com ] }',
  )
})

test('removing shows the plan first', async () => {
  const html = await (await home.post('/domains/blog.example.com/remove', {})).text()
  expect(html).toContain('-  blog.example.com:')
  expect(await fileNow()).toBe(yaml)
  await home.post('/domains/commit', hiddenIn(html))
  expect(await fileNow()).not.toContain('blog.example.com')
})

test('an international domain is found by the name that the engine knows', async () => {
  expect((await home.get('/domains/xn--bcher-kva.example/edit')).status).toBe(200)
  await home.post('/domains/commit', hiddenIn(await (await home.post('/domains/xn--bcher-kva.example/remove', {})).text()))
  expect(await fileNow()).not.toContain('bücher')
})

test('a mistake stands at its field, in the words of a push, and nothing is written', async () => {
  const response = await home.post('/domains/review', { ...shop, proxy: 'http://169.254.169.254/', aliases: 'a_b.example.com' })
  const html = await response.text()
  expect(response.status).toBe(422)
  const at = (field: string) => new RegExp(`id="${field}-mistake">([^<]*)<`).exec(html)?.[1] ?? ''
  const preview = await home.repository.preview(
    head,
    new Map([['domains.yaml', 'domains:\n  a.example.com: { proxy: "http://169.254.169.254/" }\n']]),
  )
  expect(at('proxy')).toBe(preview.ok ? 'accepted' : (preview.mistakes[0]?.message ?? '').replaceAll('"', '&quot;'))
  expect(at('aliases')).toContain('is not a host name')
  expect(html).toContain('value="shop.example.com"')
  expect(await fileNow()).toBe(yaml)
})

test.each([
  ['', 'a host name is missing'],
  ['Shop.example.com', 'has capital letters'],
  ['blog.example.com', 'is declared already'],
])('a host name %p is refused at its field', async (host, sentence) => {
  const response = await home.post('/domains/review', { ...shop, host })
  const html = await response.text()
  expect(response.status).toBe(422)
  expect(/id="host-mistake">([^<]*)</.exec(html)?.[1] ?? '').toContain(sentence)
})

test('a host name that is the alias of another says where that stands', async () => {
  const response = await home.post('/domains/review', { ...shop, host: 'www.blog.example.com' })
  const html = await response.text()
  expect(response.status).toBe(422)
  expect(/role="alert"><ul>(.*?)<\/ul>/.exec(html)?.[1] ?? html.match(/host-mistake">([^<]*)/)?.[1]).toContain(
    'www.blog.example.com',
  )
})

test('a commit that came in between is not overwritten: the plan is shown again', async () => {
  const hidden = hiddenIn(await (await home.post('/domains/review', shop)).text())
  home.repository.add({ revision: 'b'.repeat(40) }, { 'domains.yaml': 'domains: {}\n' }, '')
  const again = await home.post('/domains/commit', hidden)
  const html = await again.text()
  expect([again.status, html.includes('This is the plan now')]).toEqual([409, true])
  expect(await fileNow()).toBe('domains: {}\n')
  expect((await home.post('/domains/commit', hiddenIn(html))).status).toBe(303)
})

test('a plan that is another one by now is shown again before anything is written', async () => {
  const hidden = hiddenIn(await (await home.post('/domains/review', shop)).text())
  home.engine.planned = { ...home.engine.planned, digest: 'other' }
  expect((await home.post('/domains/commit', hidden)).status).toBe(409)
  expect(await fileNow()).toBe(yaml)
})

test('a form and the entry that it makes say the same', () => {
  const entry = {
    root: 'docs',
    deploy: { repo: 'https://example.com/d.git', branch: 'main' },
    aliases: ['a.b', 'c.d'],
    tls: 'acme',
    challenge: 'dns',
    hsts: true,
  }
  expect(entryOfFields(fieldsOfEntry('docs.example.com', entry))).toEqual(entry)
  const short = { root: 'docs', tls: 'acme', hsts: { max_age_seconds: 600 } }
  expect(entryOfFields(fieldsOfEntry('docs.example.com', short), short)).toEqual(short)
  const redirect = { redirect: 'https://example.com', status: 308 }
  expect(entryOfFields(fieldsOfEntry('old.example.com', redirect))).toEqual(redirect)
})

test('another kind leaves nothing of the old one behind', () => {
  const before = { root: 'blog', index: ['a.html'], cache_seconds: 5 }
  expect(entryOfFields({ ...emptyFields, kind: 'portal', tls: 'acme', root: 'blog' }, before)).toEqual({
    portal: true,
    tls: 'acme',
  })
})

test('mistakes of other entries and files keep their place in the file', () => {
  const text = 'domains:\n  a.example.com: { root: a }\n  b.example.com:\n    root: "B!"\n    deploy: { repo: x }\n'
  const at = (line: number, column: number) => ({ file: 'domains.yaml', line, column, message: 'wrong' })
  expect(placeMistakes([at(4, 11)], text, 'b.example.com')).toEqual({ root: ['wrong'] })
  expect(placeMistakes([at(5, 21)], text, 'b.example.com')).toEqual({ deploy_repo: ['wrong'] })
  expect(placeMistakes([at(3, 3)], text, 'b.example.com')).toEqual({ host: ['wrong'] })
  expect(placeMistakes([at(4, 11)], text, 'a.example.com')).toEqual({ form: ['domains.yaml:4:11: wrong'] })
})

test('a diff shows what changed with three lines around it', () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at + 1}`)
  const after = lines.map(line => (line === 'line 10' ? 'changed' : line))
  expect(textDiff('f', `${lines.join('\n')}\n`, `${after.join('\n')}\n`)).toBe(
    [
      '--- a/f',
      '+++ b/f',
      '@@ -7 +7 @@',
      ' line 7',
      ' line 8',
      ' line 9',
      '-line 10',
      '+changed',
      ' line 11',
      ' line 12',
      ' line 13',
    ].join('\n'),
  )
  expect(textDiff('f', 'a\n', 'a\n')).toBe('')
  expect(textDiff('f', '', 'a\n')).toBe('--- a/f\n+++ b/f\n@@ -1 +1 @@\n+a')
})

test('a diff of large files that share nothing is quick', () => {
  const many = (word: string) => Array.from({ length: 5_000 }, (_, at) => `${word} ${at}`).join('\n')
  const startedAt = performance.now()
  expect(textDiff('f', many('a'), many('b')).split('\n')).toHaveLength(10_003)
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

const dns = 'providers:\n  home: { type: rfc2136, server: ns1.example.com, key: k, secret: "secret:DNS_KEY" }\nzones: {}\n'
const net = { ...shop, host: 'shop.example.net', dns_provider: 'home' }

test('one form adds the domain and the zone of its records, in one commit', async () => {
  home.repository.add({ revision: 'd'.repeat(40) }, { 'domains.yaml': yaml, 'dns.yaml': dns }, '')
  expect(await (await home.get('/domains/new')).text()).toContain('a new zone at home')
  const html = await (await home.post('/domains/review', net)).text()
  expect(html).toContain('+++ b/dns.yaml')
  expect((await home.post('/domains/commit', hiddenIn(html))).status).toBe(303)
  const revision = (await home.repository.head()) ?? ''
  expect(await home.repository.file(revision, 'dns.yaml')).toContain('example.net: { provider: home }')
  expect(await fileNow()).toContain('shop.example.net')
  const again = await (await home.post('/domains/review', { ...net, host: 'other.example.net' })).text()
  expect(/id="dns_zone-mistake">([^<]*)</.exec(again)?.[1]).toContain('is in the zone example.net, which dns.yaml keeps already')
})

test('a zone that cannot be the one of the domain is refused at its field', async () => {
  home.repository.add({ revision: 'd'.repeat(40) }, { 'domains.yaml': yaml, 'dns.yaml': dns }, '')
  const html = await (await home.post('/domains/review', { ...net, dns_zone: 'example.org' })).text()
  expect(/id="dns_zone-mistake">([^<]*)</.exec(html)?.[1]).toBe('shop.example.net is not in the zone example.org.')
  expect(await fileNow()).toBe(yaml)
})
