import { expect, test } from 'bun:test'
import { mistakesIn } from './testing/tree.ts'

/** A value that nobody may read again, as each of the kinds that YAML makes of it. */
const literals = [
  'hunter2Hunter2',
  '73550912884',
  '"73550912884"',
  'true',
  '[hunter2Hunter2]',
  '{ value: hunter2Hunter2 }',
  'secret:hunter2',
]
const shown = /hunter2|7355/i

const tsig = (fields: string) =>
  `providers:\n  home: { type: rfc2136, server: ns1.example.com, ${fields} }\nzones: { example.com: { provider: home } }\n`
const cloudflare = (fields: string) =>
  `providers:\n  cloud: { type: cloudflare, ${fields} }\nzones: { example.com: { provider: cloud } }\n`
const upstream = (fields: string) => `upstream: { url: "https://github.com/me/x.git", ${fields} }\n`

/** Every key that takes the name of a secret: the file, the name that is proposed, and the document around a value. */
const places: readonly (readonly [string, string, (value: string) => string])[] = [
  ['dns.yaml', 'DNS_KEY', value => tsig(`key: ai-infra, secret: ${value}`)],
  ['dns.yaml', 'CLOUDFLARE_TOKEN', value => cloudflare(`token: ${value}`)],
  ['dns.yaml', 'CLOUDFLARE_API_KEY', value => cloudflare(`api_key: ${value}, email: me@example.com`)],
  ['backups.yaml', 'BACKUP_PASSWORD', value => `backups:\n  night: { repository: /srv/b, password: ${value} }\n`],
  ...['access_key', 'secret_key'].map((key): readonly [string, string, (value: string) => string] => [
    'backups.yaml',
    key === 'access_key' ? 'BACKUP_USER' : 'BACKUP_KEY',
    value => `backups:\n  night: { repository: "s3:https://s3.example.com/b", password: "secret:P", ${key}: ${value} }\n`,
  ]),
  [
    'backups.yaml',
    'GITHUB_PAT',
    value => `git:\n  code: { what: code, repository: "https://github.com/me/b.git", token: ${value} }\n`,
  ],
  [
    'databases.yaml',
    'SHOP_PASSWORD',
    value => `databases:\n  shop: { host: db.example.com, database: a, user: b, password: ${value} }\n`,
  ],
  ['settings.yaml', 'ANTHROPIC_API_KEY', value => `claude: { key: ${value} }\n`],
  ['settings.yaml', 'GITHUB_TOKEN', value => upstream(`token: ${value}`)],
  ['settings.yaml', 'GITHUB_KEY', value => upstream(`key: ${value}`)],
  ['settings.yaml', 'GITHUB_WEBHOOK', value => upstream(`webhook_secret: ${value}`)],
]

test('a secret that is written into a document is refused, not repeated, and the command that takes it is said', () => {
  for (const [file, name, around] of places) {
    for (const literal of literals) {
      const mistakes = mistakesIn({ [file]: around(literal) }).join('\n')
      expect([file, name, literal, mistakes]).toEqual([
        file,
        name,
        literal,
        expect.stringContaining(`ai-infra secret set ${name} takes`),
      ])
      expect(mistakes).not.toMatch(shown)
    }
    // A blank that is missing makes one key of it.
    const joined = mistakesIn({ [file]: around('hunter2Hunter2').replace(/: (?=hunter2)/, ':') }).join('\n')
    expect(joined).toContain('wants a blank behind the colon')
    expect(joined).not.toMatch(shown)
  }
})

test('a password in an address, a key in place of its name, and a value in the clear among encrypted ones are not repeated', () => {
  const address = 'https://me:hunter2@host.example.com/a'
  for (const [file, text] of [
    ['settings.yaml', `search_provider: "${address}"\n`],
    ['settings.yaml', `certificate_issuer: "${address}"\n`],
    ['settings.yaml', upstream(`token: "secret:T", api: "${address}"`)],
    ['settings.yaml', `upstream: { url: "${address}" }\n`],
    ['settings.yaml', `tls: "${address}"\n`],
    ['domains.yaml', `domains:\n  a.example.com: { proxy: "${address}" }\n`],
    ['domains.yaml', `domains:\n  a.example.com: { redirect: "${address}" }\n`],
    ['domains.yaml', `domains:\n  a.example.com: { root: a, deploy: { repo: "${address}" } }\n`],
    ['backups.yaml', `backups:\n  night: { repository: "rest:${address}", password: "secret:P" }\n`],
    ['backups.yaml', `backups:\n  night: { repository: "s3:${address}", password: "secret:P" }\n`],
    ['backups.yaml', `git:\n  code: { what: code, repository: "${address}" }\n`],
    ['dns.yaml', tsig(`secret: "secret:DNS_KEY", key: ${'hunter2hunter2'.repeat(4)}`)],
    ['databases.yaml', 'databases:\n  shop: { host: "me:hunter2@db.example.com", database: a, user: b }\n'],
    ['secrets.age.yaml', 'secrets: { CLEAR: hunter2 }\n'],
    ['secrets.age.yaml', 'secrets: { CLEAR: 73550912884 }\n'],
    ['secrets.age.yaml', 'secrets: { hunter2: x }\n'],
    ['secrets.age.yaml', 'recipients: { ada: AGE-SECRET-KEY-1HUNTER2HUNTER2 }\n'],
    ['secrets.age.yaml', 'recipients: { ada: 73550912884 }\n'],
  ] as const) {
    const mistakes = mistakesIn({ [file]: text })
    expect([text, mistakes.length > 0, shown.test(mistakes.join('\n'))]).toEqual([text, true, false])
  }
})
