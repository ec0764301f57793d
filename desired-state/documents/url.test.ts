import { describe, expect, test } from 'bun:test'
import { whyUnreachable } from './address.ts'
import { parseRepo } from './deploy.ts'
import { parseRedirect, parseUpstream } from './url.ts'

describe('a proxy never leads to link-local addresses or the metadata of a cloud', () => {
  const hosts = [
    '169.254.169.254',
    '169.254.0.1',
    '2852039166',
    '0xa9fea9fe',
    '0xa9.0xfe.0xa9.0xfe',
    '0251.0376.0251.0376',
    '169.254.43518',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fd00:0ec2:0:0:0:0:0:0254]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::1]',
    '[::169.254.169.254]',
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata',
    '100.100.100.200',
    '１６９.254.169.254',
  ]
  for (const host of hosts) {
    test(host, () =>
      expect(parseUpstream(`http://${host}/latest/meta-data/`)).toEqual({
        wrong: expect.stringMatching(/^proxy (must not lead|has an unusual)/),
      }),
    )
  }

  test('an address that a name resolves to is asked about again', () => {
    expect(whyUnreachable('169.254.169.254')).toContain('link-local')
    expect(whyUnreachable('::ffff:169.254.169.254')).toContain('link-local')
    for (const address of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1', 'fd00::1', '93.184.216.34', '::ffff:10.0.0.1']) {
      expect(whyUnreachable(address)).toBeUndefined()
    }
  })
})

test('addresses and URLs stay as they are written, and other forms are named', () => {
  expect(parseUpstream('http://2130706433:9000')).toEqual({
    wrong: 'proxy has an unusual form of the address 127.0.0.1: write that',
  })
  expect(parseUpstream('http://app.internal:9000/a/b')).toEqual({
    ok: { protocol: 'http', host: 'app.internal', port: 9000, path: '/a/b/' },
  })
  expect(parseUpstream('https://localhost')).toEqual({ ok: { protocol: 'https', host: 'localhost', port: 443, path: '' } })
})

describe('what is no upstream is answered with what to write instead', () => {
  const cases: readonly [string, string][] = [
    ['127.0.0.1:9000', 'must be a URL that begins with http:// or https://'],
    ['unix:/run/app.sock', 'must be a URL that begins with http:// or https://'],
    ['http:///x', 'must be a URL that begins with http:// or https://'],
    ['http://a:99999', 'is not a URL'],
    ['http://a:0', 'must have a port from 1 to 65535'],
    ['http://user:secret@a:80', 'must not contain a user name or password'],
    ['http://@a:80', 'must not contain a user name or password'],
    ['http://a/?x=1', 'remove everything from "?" or "#" on'],
    ['http://a/#', 'remove everything from "?" or "#" on'],
    ['http://0.0.0.0:80', 'is not the address of one host'],
    ['http://224.0.0.1', 'is not the address of one host'],
  ]
  for (const [text, wrong] of cases)
    test(text, () => expect(parseUpstream(text)).toEqual({ wrong: expect.stringContaining(wrong) }))
})

test('no URL carries a character that means something to nginx', () => {
  for (const bad of [';', '{', '}', '$', '"', "'", '\\', '\n', '\r', '\t', '\0', ' ', '\u007f', '\u0085', '`', '<']) {
    expect(parseUpstream(`http://a/x${bad}y`)).toEqual({ wrong: expect.stringMatching(/^proxy must not contain /) })
    expect(parseRedirect(`https://a.example.com/x${bad}y`)).toEqual({
      wrong: expect.stringMatching(/^redirect must not contain /),
    })
    expect(parseRepo(`https://a.example.com/x${bad}y`)).toEqual({ wrong: expect.stringMatching(/^repo must not contain /) })
  }
})

test('a redirect is an absolute URL over HTTP, without secrets', () => {
  for (const bad of [
    '/path',
    '//b.example.com',
    'javascript:alert(1)',
    'ftp://b.example.com',
    'b.example.com',
    'https://u:p@b.example.com',
  ]) {
    expect(parseRedirect(bad)).toHaveProperty('wrong')
  }
  expect(parseRedirect('https://bücher.example/ä')).toMatchObject({ ok: { to: 'https://xn--bcher-kva.example/%C3%A4' } })
})

describe('a repository to deploy from', () => {
  test('is what Git fetches by itself', () => {
    for (const repo of [
      'https://git.example.com/a.git',
      'ssh://git@host.example/a.git',
      'git@host.example:me/a.git',
      'git://h.example/a',
      '/srv/a.git',
    ]) {
      expect(parseRepo(repo)).toEqual({ ok: repo })
    }
  })

  const attacks = [
    'ext::sh',
    'ext::sh%20-c%20id',
    'fd::17',
    '--upload-pack=touch',
    '-oProxyCommand=id',
    'ssh://-oProxyCommand=id/x',
    'ssh://-x@host/x',
    'ssh://%2doProxyCommand@host/x',
    '-x@host:path',
    'git@-oProxyCommand=id:x',
    'git@host:-x',
    'file:///etc',
    'FILE:///etc',
    'http://plain.example.com/a.git',
    'https://user:token@git.example.com/a.git',
    'https://token@git.example.com/a.git',
    'https://169.254.169.254/latest',
    'ssh://git@[fe80::1]/a',
    'git@169.254.169.254:a',
    '/srv/../etc',
    '//host/share',
    'relative/path',
    '',
  ]
  for (const repo of attacks) test(`is not ${JSON.stringify(repo)}`, () => expect(parseRepo(repo)).toHaveProperty('wrong'))
})
