import { expect, test } from 'bun:test'
import { createRedactor } from './redact.ts'

test('known secrets, keys and passwords in URLs never leave in a line', () => {
  const redact = createRedactor(['correct horse battery', undefined, 'short'])
  expect(redact('key=correct horse battery')).toBe('key=[secret]')
  expect(redact(`sk-ant-${'a'.repeat(24)}`)).toBe('[secret]')
  expect(redact('postgres://me:hunter2hunter2@db/x')).toBe('postgres://me:[secret]@db/x')
  expect(redact('a short word and https://example.com/a:b@c stay')).toBe('a short word and https://example.com/a:b@c stay')
})
