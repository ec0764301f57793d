import { expect, test } from 'bun:test'
import { createKeyReader } from './keys.ts'
import { edit, emptyLine, type Line, textOf } from './line-editor.ts'

/** Types what a terminal would send; `|` in what is shown is the cursor. */
function type(input: string, from: Line = emptyLine): { line: Line; shown: string; sent: string[] } {
  const sent: string[] = []
  let line = from
  for (const key of createKeyReader()(new TextEncoder().encode(input))) {
    const edited = edit(line, key)
    line = edited.line
    if (edited.sent !== undefined) sent.push(edited.sent)
  }
  return { line, shown: line.characters.toSpliced(line.cursor, 0, '|').join(''), sent }
}

const left = '\x1b[D'
const up = '\x1b[A'
const down = '\x1b[B'

test('characters go in at the cursor and out on either side of it, whole', () => {
  expect(type(`ab${left}日`).shown).toBe('a日|b')
  expect(type(`a👩‍👩‍👧b${left}\x7f`).shown).toBe('a|b')
  expect(type(`abc${left}${left}\x1b[3~`).shown).toBe('a|c')
  expect(type(`${left}\x7f\x1b[3~`).shown).toBe('|')
})

test('home, end and words', () => {
  expect(type('one two\x01').shown).toBe('|one two')
  expect(type('one two\x01\x05').shown).toBe('one two|')
  expect(type('one two \x1b[1;5D').shown).toBe('one |two ')
  expect(type('one two\x01\x1b[1;5C').shown).toBe('one| two')
  expect(type('one two\x17').shown).toBe('one |')
  expect(type(`one two${left}\x15`).shown).toBe('|o')
  expect(type(`one two\x1b[1;5D\x0b`).shown).toBe('one |')
})

test('Enter sends and empties the line, nothing is not sent, Ctrl-C clears', () => {
  expect(type('hello\r')).toMatchObject({ shown: '|', sent: ['hello'] })
  expect(type('  \r').sent).toEqual([])
  expect(type('oops\x03')).toMatchObject({ shown: '|', sent: [] })
})

test('Ctrl-J and pasted line breaks stay in the text', () => {
  expect(type('a\nb\r').sent).toEqual(['a\nb'])
  expect(type('\x1b[200~x\r\ny\x1b[201~\r').sent).toEqual(['x\ny'])
  expect(type('\x1b[200~\x1b[31mred\x1b[201~').shown).toBe('␛[31mred|')
})

test('the history gives earlier lines and back the one being written', () => {
  const { line } = type('first\rsecond\rfirst\r')
  expect(line.history).toEqual(['second', 'first'])
  expect(type(`draft${up}`, line).shown).toBe('first|')
  expect(type(`draft${up}${up}${up}`, line).shown).toBe('second|')
  expect(type(`draft${up}${up}${down}${down}${down}`, line).shown).toBe('draft|')
  expect(textOf(type(`${up}${up}!`, line).line)).toBe('second!')
})

test('a line ends at 20,000 characters', () => {
  expect(textOf(type(`\x1b[200~${'x'.repeat(30_000)}\x1b[201~`).line)).toHaveLength(20_000)
})
