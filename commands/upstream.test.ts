import { expect, test } from 'bun:test'
import { standingLines } from './upstream.ts'

const sides = {
  ...{ url: 'github.com/me/config', branch: 'main', main: 'a'.repeat(40), head: 'b'.repeat(40) },
  ...{ seenAt: '2026-01-01T00:00:00Z', choices: [], signingKey: '' },
}
const now = new Date('2026-01-01T00:00:05Z')

test('what could not be sent there is not said to be on its way', () => {
  expect(standingLines(sides, now)[0]).toBe('What is here is on its way there.')
  expect(standingLines({ ...sides, unsent: 'the branch is protected' }, now)).toEqual([
    'What is here could not be sent there, and is tried again: the branch is protected',
    '',
    'here                  main  aaaaaaaa',
    'github.com/me/config  main  bbbbbbbb, asked 5 s ago',
  ])
})
