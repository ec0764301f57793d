import { expect, test } from 'bun:test'
import { stretches } from './ansi.ts'

const one = (text: string) => stretches(text)[0]?.classes

test('plain text is one stretch without a look', () => {
  expect(stretches('hello\nworld')).toEqual([{ text: 'hello\nworld', classes: '' }])
})

test('colours and weights hold until they are reset', () => {
  expect(stretches('a\u001b[1;31mb\u001b[39mc\u001b[0md')).toEqual([
    { text: 'a', classes: '' },
    { text: 'b', classes: 'f1 bold' },
    { text: 'c', classes: 'bold' },
    { text: 'd', classes: '' },
  ])
})

test('bright, background, dim, italic, underline and inverse are known', () => {
  expect(one('\u001b[92;44mx')).toBe('f10 b4')
  expect(one('\u001b[2;3;4mx')).toBe('dim italic under')
  expect(one('\u001b[7mx')).toBe('fpaper bink')
  expect(one('\u001b[31;7mx')).toBe('fpaper b1')
})

test('palette and true colours become the nearest of sixteen', () => {
  expect(one('\u001b[38;5;9mx')).toBe('f9')
  expect(one('\u001b[38;5;196mx')).toBe('f9')
  expect(one('\u001b[38;5;244mx')).toBe('f8')
  expect(one('\u001b[38;2;20;160;40mx')).toBe('f2')
  expect(one('\u001b[48:2:250:250:250mx')).toBe('b15')
})

test('an empty sequence resets, and a broken one does no harm', () => {
  expect(stretches('\u001b[31ma\u001b[mb').map(each => each.classes)).toEqual(['f1', ''])
  expect(one('\u001b[38;5mx')).toBe('')
  expect(one('\u001b[999;38;2mx')).toBe('')
})

test('everything that is not a look goes: titles, links, cursor moves, control and direction characters', () => {
  const text = '\u001b]0;title\u0007\u001b]8;;http://x\u001b\\li\u0000nk\u001b[2J\u001b[5;3H\u001b(B\u202e\u009b!'
  expect(
    stretches(text)
      .map(each => each.text)
      .join(''),
  ).toBe('link!')
})

test('an unfinished sequence at the end is dropped', () => {
  expect(
    stretches('a\u001b')
      .map(each => each.text)
      .join(''),
  ).toBe('a')
  expect(
    stretches('a\u001b]8;;http://x')
      .map(each => each.text)
      .join(''),
  ).toBe('a')
})
