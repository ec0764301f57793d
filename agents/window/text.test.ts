import { expect, test } from 'bun:test'
import { charactersOf, fit, neutralise, widthOf, wrap } from './text.ts'

test('nothing in a text can move the cursor, colour, or turn the reading direction', () => {
  expect(neutralise('\x1b[31mred\x07 \x9b2J \x7f')).toBe('␛[31mred␇ �2J ␡')
  expect(neutralise('a\u202eb\u2066c\u200fd\u2028e')).toBe('a�b�c�d�e')
  expect(neutralise('one\r\ntwo\rthree\tfour')).toBe('one\ntwo\nthree  four')
  expect(neutralise('lone \ud800 half')).toBe('lone � half')
})

test('what people write stays: accents, wide characters, emoji', () => {
  for (const text of ['naïve Ärger', '日本語', '👩‍👩‍👧 family']) expect(neutralise(text)).toBe(text)
})

test('lines break at spaces, words that are too long inside, and never beyond the width', () => {
  expect(wrap('the quick brown fox', 10)).toEqual(['the quick', 'brown fox'])
  expect(wrap('a\n\nb', 10)).toEqual(['a', '', 'b'])
  expect(wrap('x'.repeat(23), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'xxx'])
  for (const text of ['日本語日本語日本語', `go ${'長い'.repeat(12)} on`, '  indented code stays indented here']) {
    for (const line of wrap(text, 9)) expect(widthOf(line)).toBeLessThanOrEqual(9)
    expect(wrap(text, 9).join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
  }
  expect(wrap('  indented', 20)).toEqual(['  indented'])
})

test('what is cut off shows as an ellipsis', () => {
  expect(fit('supervisor', 6)).toBe('super…')
  expect(fit('日本語', 4)).toBe('日…')
  expect(fit('fits', 4)).toBe('fits')
})

test('a character is what a person sees as one', () => {
  expect(charactersOf('e\u0301👩‍👩‍👧日')).toEqual(['e\u0301', '👩‍👩‍👧', '日'])
})
