import { expect, test } from 'bun:test'
import { createKnownSecrets } from './known-secrets.ts'
import { createRedactor } from './redact.ts'

test('known secrets, keys and passwords in URLs never leave in a line', () => {
  const redact = createRedactor(createKnownSecrets('correct horse battery', undefined, 'short'))
  expect(redact('key=correct horse battery')).toBe('key=[secret]')
  expect(redact(`sk-ant-${'a'.repeat(24)}`)).toBe('[secret]')
  expect(redact('postgres://me:hunter2hunter2@db/x')).toBe('postgres://me:[secret]@db/x')
  expect(redact('password: hunter2hunter2, secret: hunter2hunter2')).toBe('password: [secret], secret: [secret]')
  const named = 'key { secret: "secret:DNS_KEY" } needs secret:DNS_KEY, password: secret:SHOP_DB.password.'
  expect(redact(named)).toBe(named)
  expect(redact('a short word and https://example.com/a:b@c stay')).toBe('a short word and https://example.com/a:b@c stay')
})

test('a secret is found in the encodings in which programs print it, and one that came later as well', () => {
  const known = createKnownSecrets()
  const redact = createRedactor(known)
  const secret = 'p"ä ss/w&rd+<42>?'
  expect(redact(secret)).toBe(secret)
  known.add(secret)
  const encoded = [
    ...[secret, encodeURIComponent(secret), new URLSearchParams({ q: secret }).toString().slice(2)],
    ...[JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('hex')],
    'p&quot;ä ss/w&amp;rd+&lt;42&gt;?',
  ]
  for (const text of encoded) expect(redact(`it said ${text} at last`)).toBe('it said [secret] at last')
  for (const before of ['', 'a', 'ab', 'abc:'])
    for (const after of ['', 'z', 'zz', 'zzz'])
      for (const encoding of ['base64', 'base64url'] as const) {
        const text = redact(Buffer.from(`${before}${secret}${after}`).toString(encoding))
        expect(text).toContain('[secret]')
        expect(Buffer.from(text.replace('[secret]', ''), encoding).toString()).not.toContain('ss/w')
      }
})

test('a secret that was cut at the end of a text is hidden as far as it came', () => {
  const redact = createRedactor(createKnownSecrets('correct horse battery staple'))
  for (const end of ['', '…', '...']) expect(redact(`it said correct horse bat${end}`)).toBe(`it said [secret]${end}`)
  expect(redact('it said correct')).toBe('it said correct')
  expect(redact('it said correct horse and went on')).toBe('it said correct horse and went on')
})

test('of a secret of many lines no line leaves alone', () => {
  const redact = createRedactor(createKnownSecrets('first line of the key\nsecond line of the key\n'))
  expect(redact('2: second line of the key')).toBe('2: [secret]')
})
