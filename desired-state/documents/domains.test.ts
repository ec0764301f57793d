import { describe, expect, test } from 'bun:test'
import { parseDocument } from 'yaml'
import { mistakesIn, stateOf } from '../testing/tree.ts'

const mistakes = (...entries: string[]) =>
  mistakesIn({ 'domains.yaml': `domains:\n${entries.map(entry => `  ${entry}\n`).join('')}` })
const domains = (...entries: string[]) => [
  ...stateOf({ 'domains.yaml': `domains:\n${entries.map(entry => `  ${entry}\n`).join('')}` }).domains.values(),
]

describe('a good domain', () => {
  test('of files has defaults for all that it does not say', () => {
    expect(domains('blog.example.com: { root: blog, aliases: [www.blog.example.com] }')).toEqual([
      {
        kind: 'static',
        host: 'blog.example.com',
        aliases: ['www.blog.example.com'],
        tls: 'none',
        root: 'blog',
        index: ['index.html'],
        notFound: undefined,
        cacheSeconds: 3600,
        deploy: undefined,
      },
    ])
  })

  test('of files from Git follows main and serves the whole repository unless it says otherwise', () => {
    const [domain] = domains('a.example.com: { root: a, deploy: { repo: "https://git.example.com/a.git" } }')
    expect(domain).toMatchObject({ deploy: { repo: 'https://git.example.com/a.git', branch: 'main', directory: '.' } })
  })

  test('of a program knows protocol, host, port and path', () => {
    const [plain, full] = domains(
      'a.example.com: { proxy: "http://127.0.0.1:9000", websocket: true }',
      'b.example.com: { proxy: "https://[2001:db8::1]/app", timeout_seconds: 5, body_mebibytes: 1 }',
    )
    expect(plain).toMatchObject({
      upstream: { protocol: 'http', host: '127.0.0.1', port: 9000, path: '' },
      websocket: true,
      timeoutSeconds: 60,
    })
    expect(full).toMatchObject({
      upstream: { protocol: 'https', host: '2001:db8::1', port: 443, path: '/app/' },
      timeoutSeconds: 5,
    })
  })

  test('that redirects keeps the path that was asked for when its target names none', () => {
    const [origin, page] = domains(
      'a.example.com: { redirect: "https://b.example.com", status: 308 }',
      'c.example.com: { redirect: "https://b.example.com/new?x=1" }',
    )
    expect(origin).toMatchObject({ to: 'https://b.example.com', keepsPath: true, status: 308 })
    expect(page).toMatchObject({ to: 'https://b.example.com/new?x=1', keepsPath: false, status: 301 })
  })

  test('takes tls from the settings when it does not say its own', () => {
    const state = stateOf({ 'settings.yaml': 'tls: acme\n', 'domains.yaml': 'domains:\n  p.example.com: { portal: true }\n' })
    expect(state.domains.get('p.example.com')).toEqual({ kind: 'portal', host: 'p.example.com', aliases: [], tls: 'acme' })
  })

  test('may be international, and is known by its punycode', () => {
    expect(domains('bücher.example: { root: b, aliases: [www.bücher.example] }')[0]).toMatchObject({
      host: 'xn--bcher-kva.example',
      aliases: ['www.xn--bcher-kva.example'],
    })
  })
})

describe('a bad domain gets one sentence at the place', () => {
  const good = 'root: a'
  const cases: readonly [string, string, string][] = [
    ['misspelt', 'a.example.com: { rot: a }', '2:20: unknown key "rot"; did you mean "root"?'],
    [
      'without a kind',
      'a.example.com: { tls: none }',
      '2:3: a.example.com does not say what it serves: write one of root, proxy, redirect or portal',
    ],
    ['with nothing at all', 'a.example.com:', '2:3: a.example.com says nothing: write what it serves, like { root: blog }'],
    [
      'with two kinds',
      'a.example.com: { root: a, proxy: "http://127.0.0.1:1" }',
      '2:29: a.example.com has root and proxy: keep one of them',
    ],
    ['that is no map', 'a.example.com: blog', '2:18: a.example.com must be a map, like { key: value }, and is "blog"'],
    [
      'with a field of another kind',
      `a.example.com: { ${good}, websocket: true }`,
      '2:29: websocket goes with proxy, and this domain has root: remove it',
    ],
    [
      'with a quoted number',
      `a.example.com: { ${good}, cache_seconds: "60" }`,
      '2:44: cache_seconds must be a number, and is "60": remove the quotes',
    ],
    ['with a number as text', 'a.example.com: { root: 5 }', '2:26: root must be text, and is 5: write quotes around it'],
    [
      'with one alias instead of a list',
      `a.example.com: { ${good}, aliases: b.example.com }`,
      '2:38: aliases must be a list in square brackets, like [one, two], and is "b.example.com"',
    ],
    [
      'whose alias is itself',
      `a.example.com: { ${good}, aliases: [a.example.com] }`,
      '2:39: a.example.com is named twice by a.example.com: keep it in one place',
    ],
    [
      'with an open portal',
      'a.example.com: { portal: true }',
      '2:20: the portal is shown over TLS only: write tls: acme, or tls: self-signed',
    ],
    [
      'with portal: false',
      'a.example.com: { portal: false }',
      '2:28: portal must be true; remove it where the portal is not wanted',
    ],
    [
      'with an unknown status',
      'a.example.com: { redirect: "https://b.example.com", status: 200 }',
      '2:63: status must be 301, 302, 303, 307 or 308',
    ],
    [
      'that redirects to itself',
      'a.example.com: { redirect: "http://a.example.com/x" }',
      '2:30: a.example.com redirects to itself: write another target',
    ],
    ['with deploy without a repository', `a.example.com: { ${good}, deploy: { branch: main } }`, '2:37: repo is missing'],
    [
      'with an odd branch',
      `a.example.com: { ${good}, deploy: { repo: /srv/a.git, branch: "--x" } }`,
      '2:65: branch must be the name of a branch, like main or release/2',
    ],
    [
      'with a folder that leaves the repository',
      `a.example.com: { ${good}, deploy: { repo: /srv/a.git, directory: ../b } }`,
      '2:68: directory must be a folder of the repository, like public or build/site, or . for all of it',
    ],
    [
      'with a 404 page outside',
      `a.example.com: { ${good}, not_found: ../secret }`,
      '2:40: not_found must be a file below the root, like 404.html',
    ],
  ]
  for (const [name, entry, mistake] of cases) test(name, () => expect(mistakes(entry)).toEqual([`domains.yaml:${mistake}`]))

  for (const root of [
    '..',
    '../x',
    '/etc',
    'a/b',
    '.git',
    'A',
    '',
    'a b',
    "'..'",
    '"a;b"',
    '"a\\nb"',
    '"a\\0b"',
    '"$x"',
    '"a\'b"',
  ]) {
    test(`whose root is ${root}`, () => {
      expect(mistakes(`a.example.com: { root: ${root} }`)).toEqual([expect.stringContaining('domains.yaml:2:')])
    })
  }
})

describe('domains against each other', () => {
  test('the same name in two spellings is one name', () => {
    expect(mistakes('bücher.example: { root: a }', 'xn--bcher-kva.example: { root: b }')).toEqual([
      'domains.yaml:3:3: xn--bcher-kva.example belongs already to bücher.example: keep it in one place',
    ])
  })

  test("another's alias, and an alias that is another's name, belong to one of them", () => {
    expect(mistakes('a.example.com: { root: a, aliases: [b.example.com] }', 'b.example.com: { root: b }')).toEqual([
      'domains.yaml:2:39: b.example.com belongs already to b.example.com: keep it in one place',
    ])
    expect(
      mistakes('a.example.com: { root: a, aliases: [c.example.com] }', 'b.example.com: { root: b, aliases: [c.example.com] }'),
    ).toEqual(['domains.yaml:3:39: c.example.com belongs already to a.example.com: keep it in one place'])
  })

  test('one root belongs to one of them, since removing one must not take the files of the other', () => {
    expect(mistakes('a.example.com: { root: a }', 'b.example.com: { root: a }')).toEqual([
      'domains.yaml:3:26: www/a is served by a.example.com already: choose another root, or make this name an alias of it',
    ])
  })

  test('redirects that lead round in a circle are each named', () => {
    const circle = mistakes(
      'a.example.com: { redirect: "https://b.example.com" }',
      'b.example.com: { redirect: "https://a.example.com/" }',
    )
    expect(circle).toEqual([
      'domains.yaml:2:30: a.example.com redirects to itself, by b.example.com: write another target',
      'domains.yaml:3:30: b.example.com redirects to itself, by a.example.com: write another target',
    ])
  })

  test('every mistake of every domain is told at once', () => {
    expect(
      mistakes('A.example.com: { rot: a }', 'b.example.com: { root: ../b, status: 301 }', 'c.example.com: { proxy: 5 }'),
    ).toHaveLength(5)
  })
})

test('an empty map, an empty key and an absent file mean no domains', () => {
  for (const text of ['domains: {}\n', 'domains:\n', '']) expect(stateOf({ 'domains.yaml': text }).domains.size).toBe(0)
  expect(stateOf({}).domains.size).toBe(0)
})

test('5,000 domains take little longer than the YAML library takes to read them', () => {
  const entries = Array.from({ length: 5000 }, (_, n) => `s${n}.example.com: { root: s${n}, aliases: [www.s${n}.example.com] }`)
  const text = entries.join('\n')
  expect(domains(...entries)).toHaveLength(5000)
  const fastest = (work: () => unknown) =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const started = performance.now()
        work()
        return performance.now() - started
      }),
    )
  const library = fastest(() => parseDocument(text, { uniqueKeys: false }))
  // 1.5 times when the machine is free; a check that compares each domain with each other would be far above.
  expect(fastest(() => domains(...entries))).toBeLessThan(6 * library)
}, 60_000)
