import { expect, test } from 'bun:test'
import { table } from './table.ts'

test('what a stranger said moves no cursor, and stays in its cell', () => {
  expect(table([['failed', '\u001b]0;owned\u0007\u001b[2Jall\nis \u202ewell']])).toEqual(['failed   ]0;owned  [2Jall is  well'])
})
