import { expect, test } from 'bun:test'
import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { removeSharedSecret, setSharedSecret } from './edit-secrets.ts'
import { secretUses } from './secret-uses.ts'
import { mistakesIn, stateOf } from './testing/tree.ts'

const recipient = await identityToRecipient(await generateX25519Identity())
const encrypted = async (text: string): Promise<string> => {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(text))
}
const file = 'secrets.age.yaml'

test('values are read as they were encrypted, and a file whose entries are all comments says nothing', async () => {
  const text = setSharedSecret(`# ours\nrecipients: { ada: ${recipient} }\n`, 'DNS_KEY', await encrypted('correct horse'))
  expect(text).toStartWith('# ours\n')
  const { secrets } = stateOf({ [file]: text })
  expect([...secrets.recipients]).toEqual([['ada', recipient]])
  expect(secrets.values.get('DNS_KEY')).toStartWith('-----BEGIN AGE ENCRYPTED FILE-----\n')
  expect(stateOf({ [file]: 'recipients:\n  # ada: age1…\nsecrets:\n' }).secrets.values.size).toBe(0)
})

test('editing keeps the other values and the comments, and begins a file that is not there', async () => {
  const first = setSharedSecret(undefined, 'A', await encrypted('one'))
  expect(first).toStartWith('# yaml-language-server: $schema=.schemas/secrets.age.schema.json\n')
  const second = setSharedSecret(`${first}  # the one of bee\n`, 'B', await encrypted('two'))
  const third = setSharedSecret(second, 'A', await encrypted('three'))
  expect([...stateOf({ [file]: third }).secrets.values.keys()]).toEqual(['A', 'B'])
  expect(third).toContain('the one of bee')
  const last = removeSharedSecret(third, 'A')
  expect([...stateOf({ [file]: last ?? '' }).secrets.values.keys()]).toEqual(['B'])
  expect(removeSharedSecret(last, 'A')).toBeUndefined()
  expect(removeSharedSecret(undefined, 'A')).toBeUndefined()
})

test('a value that nobody encrypted is refused with its place, and is not repeated', async () => {
  const shown = (text: string) => mistakesIn({ [file]: text }).join('\n')
  const plain = shown('secrets:\n  DNS_KEY: hunter2hunter2\n')
  expect(plain).toContain('secrets.age.yaml:2:12: this is nothing that age has encrypted')
  const half = (await encrypted('x')).split('\n').slice(0, -2).join('\\n')
  for (const wrong of [half, '-----BEGIN AGE ENCRYPTED FILE-----\\nhunter2=\\n-----END AGE ENCRYPTED FILE-----'])
    expect(shown(`secrets:\n  DNS_KEY: "${wrong}"\n`)).toContain('age has encrypted')
  expect(shown('recipients: { ada: AGE-SECRET-KEY-1HUNTER2 }\n')).toContain('public key of age')
  expect(shown(`secrets: { dns-key: "${(await encrypted('x')).replaceAll('\n', '\\n')}" }\n`)).toContain('cannot name a secret')
  expect(shown('secret: {}\n')).toContain('did you mean "secrets"?')
  for (const text of [plain, shown('recipients: { ada: AGE-SECRET-KEY-1HUNTER2 }\n')])
    expect(text.toLowerCase()).not.toContain('hunter2')
})

test('where documents refer to secrets is known, also to a field of one; a value in the clear is refused without it', () => {
  const provider = '{ type: rfc2136, server: ns1.example.com, key: k, secret: "secret:DNS_KEY" }'
  const state = stateOf({
    'dns.yaml': `providers: { home: ${provider} }\nzones: { example.com: { provider: home }, example.net: { provider: home } }\n`,
    'databases.yaml':
      'databases: { shop: { host: db.example.com, database: shop, user: me, password: "secret:SHOP.password" } }\n',
  })
  expect([...secretUses(state)]).toEqual(
    expect.arrayContaining([
      ['DNS_KEY', ['dns.yaml example.com', 'dns.yaml example.net']],
      ['SHOP', ['databases.yaml shop']],
    ]),
  )
  const clear = mistakesIn({
    'databases.yaml': 'databases: { shop: { host: a.b, database: d, user: u, password: hunter2hunter2 } }\n',
  })
  expect(clear.join()).toContain('write the name of a secret')
  expect(clear.join()).not.toContain('hunter2')
})
