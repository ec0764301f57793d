import { expect, test } from 'bun:test'
import { declarationOf, domainLines } from './domain.ts'

const ready = { state: 'ready', message: '' }
const shop = {
  ...{ domain: 'shop.example.com', aliases: ['www.shop.example.com'], serves: 'www/shop', tls: 'acme', site: ready },
  certificate: { ...ready, ends: '2027-02-24T12:00:00Z' },
  dns: { ...ready, zone: 'example.com' },
  visits: { requests: 120, bytes: 5, errors: 2 },
}
const plain = { domain: 'a.example.net', aliases: [], serves: 'www/a', tls: 'none', visits: { requests: 0, bytes: 0, errors: 0 } }

test('a domain is one line, and what is in its way is said below', () => {
  const trouble = { ...shop, domain: 'b.example.com', dns: { state: 'stalled', message: 'b.example.com A is there already' } }
  expect(domainLines([shop, plain, trouble], new Date('2026-11-28T12:00:00Z'))).toEqual([
    'HOST                 STATE  SERVES    CERTIFICATE  DNS          REQUESTS 24 H',
    'shop.example.com +1  ready  www/shop  88 days      example.com  120, 2 failed',
    'a.example.net        new    www/a     none         elsewhere    0',
    'b.example.com +1     ready  www/shop  88 days      stalled      120, 2 failed',
    '! b.example.com, dns: b.example.com A is there already',
  ])
})

test('options say what the document says', () => {
  expect(declarationOf({ redirect: 'https://a.example.com', status: '308', alias: ['b.example.com'], tls: 'acme' })).toEqual({
    ...{ redirect: 'https://a.example.com', status: 308, aliases: ['b.example.com'], tls: 'acme' },
  })
  expect(declarationOf({ portal: true, status: 'x' })).toEqual({ portal: true, status: 'x' })
  const files = { root: 'blog', deploy: 'https://git.example.com/blog.git', directory: 'public', hsts: true, challenge: 'dns' }
  expect(declarationOf(files)).toEqual({
    ...{ root: 'blog', deploy: { repo: 'https://git.example.com/blog.git', directory: 'public' }, hsts: true, challenge: 'dns' },
  })
  expect(declarationOf({ proxy: 'http://127.0.0.1:9000', timeout: '5' })).toEqual({
    ...{ proxy: 'http://127.0.0.1:9000', timeout_seconds: 5 },
  })
  expect(() => declarationOf({ root: 'blog', branch: 'main' })).toThrow('go with --deploy')
})
