import { expect, test } from 'bun:test'
import { presets } from '../../../desired-state/documents/presets.ts'
import type { Need } from '../action.ts'
import { taintedReason } from './tainted.ts'

const run: Need = { kind: 'run', argv: ['make'], cwd: '/w', env: [], files: [] }
const asks = (level: 1 | 2, need: Need) => taintedReason(presets[level], [need]) !== undefined

test('text of strangers in the conversation: looking and speaking within stay free, sending and changing need a person', () => {
  expect(asks(2, { kind: 'net', host: 'evil.example', port: 443 })).toBe(true)
  expect(asks(1, { kind: 'net', host: 'api.github.com', port: 443 })).toBe(false)
  expect(asks(2, run)).toBe(true)
  expect(asks(1, run)).toBe(false)
  expect(asks(2, { kind: 'verb', verb: 'domain.set', input: {} })).toBe(true)
  expect(asks(2, { kind: 'verb', verb: 'logs.read', input: {} })).toBe(true)
  expect(asks(2, { kind: 'verb', verb: 'task.submit', input: {} })).toBe(false)
  expect(asks(2, { kind: 'read', path: '/w/a' })).toBe(false)
})
