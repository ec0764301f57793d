import { describe, expect, test } from 'bun:test'
import { parseHost, parseSiteName } from './host.ts'

test('a full host name is itself', () => {
  for (const host of ['blog.example.com', 'a.b', '1.example.com', 'a--b.example', 'xn--bcher-kva.example'])
    expect(parseHost(host)).toEqual({ ok: host })
})

test('an international name becomes punycode', () => {
  expect(parseHost('bücher.example')).toEqual({ ok: 'xn--bcher-kva.example' })
  expect(parseHost('faß.example')).toEqual({ ok: 'xn--fa-hia.example' })
  expect(parseHost('例え.テスト')).toEqual({ ok: 'xn--r8jz45g.xn--zckzah' })
})

describe('what is no host name is answered with what to write instead', () => {
  const cases: readonly [string, string][] = [
    ['Blog.Example.com', '"Blog.Example.com" has capital letters: write blog.example.com'],
    ['BÜCHER.example', '"BÜCHER.example" has capital letters: write bücher.example'],
    ['*.example.com', '"*.example.com" has a star: only the whole first part of a site may be one, like *.example.com'],
    ['https://a.example.com', '"https://a.example.com" is a URL: write the host name alone, like blog.example.com'],
    ['a.example.com:8080', '"a.example.com:8080" has a port, which belongs to the appliance: write the host name alone'],
    ['a.example.com.', '"a.example.com." ends with a dot: write a.example.com'],
    ['127.0.0.1', '"127.0.0.1" is an address: write a host name, like blog.example.com'],
    ['::1', '"::1" is an address: write a host name, like blog.example.com'],
    ['[::1]', '"[::1]" is an address: write a host name, like blog.example.com'],
    ['127.1', '"127.1" ends with a number: write a host name, like blog.example.com'],
    ['blog', '"blog" is not a full host name: write one with a dot, like blog.example.com'],
    ['a..example.com', '"a..example.com" has two dots in a row, or begins with one: write one dot between words'],
    ['', 'a host name is missing: write one, like blog.example.com'],
    ['ｅxample.com', '"ｅxample.com" is another way to write example.com: write that'],
    ['exa\u00admple.com', '"exa\u00admple.com" is another way to write example.com: write that'],
    ['xn--a.com', '"xn--a.com" is no international host name: check its spelling'],
    [`${'a'.repeat(64)}.com`, `"${'a'.repeat(64)}.com" has a part of more than 63 characters between two dots: shorten it`],
  ]
  for (const [host, wrong] of cases) test(JSON.stringify(host), () => expect(parseHost(host)).toEqual({ wrong }))
})

test('a site may have a star for its whole first part, and nowhere else', () => {
  expect(parseSiteName('*.example.com')).toEqual({ ok: '*.example.com' })
  expect(parseSiteName('*.bücher.example')).toEqual({ ok: '*.xn--bcher-kva.example' })
  expect(parseSiteName('www.example.com')).toEqual({ ok: 'www.example.com' })
  for (const bad of [
    '*',
    '*.',
    '*.com',
    '*.*.example.com',
    'a.*.example.com',
    '*a.example.com',
    '*.Example.com',
    '**.example.com',
    '*.1.2.3.4',
  ])
    expect([bad, parseSiteName(bad)]).toEqual([bad, { wrong: expect.any(String) }])
})

test('nothing that means something to nginx, a shell or a path passes', () => {
  for (const bad of [';', '{', '}', '$', '"', "'", '\\', '\n', '\0', ' ', '/', '~', '_', '%', '#', '`', '|', '\u200b']) {
    expect(parseHost(`a${bad}b.example.com`)).toHaveProperty('wrong')
  }
  for (const host of ['-a.example.com', 'a-.example.com', '.example.com', '..', '.'])
    expect(parseHost(host)).toHaveProperty('wrong')
})
