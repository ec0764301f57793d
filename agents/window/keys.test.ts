import { expect, test } from 'bun:test'
import { createKeyReader, type Key } from './keys.ts'

const read = (...chunks: string[]): Key[] => {
  const reader = createKeyReader()
  return chunks.flatMap(chunk => reader(new TextEncoder().encode(chunk)))
}
const command = (name: string) => ({ type: 'command', command: name }) as Key

test('text and keys are told apart', () => {
  expect(read('hä日\x7f\r')).toEqual([{ type: 'text', text: 'hä日' }, command('backspace'), command('send')])
  expect(read('\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x03')).toEqual(['up', 'down', 'word-right', 'delete', 'clear'].map(command))
})

test('a sequence or a character that comes in two pieces is read as one', () => {
  expect(read('\x1b', '[', 'D')).toEqual([command('left')])
  const bytes = new TextEncoder().encode('日')
  const reader = createKeyReader()
  expect([...reader(bytes.slice(0, 1)), ...reader(bytes.slice(1))]).toEqual([{ type: 'text', text: '日' }])
})

test('what is pasted is text, also where it looks like keys', () => {
  expect(read('\x1b[200~rm -rf\r\n\x1b[A', 'x\x1b[201~!')).toEqual([
    { type: 'paste', text: 'rm -rf\r\n\x1b[Ax' },
    { type: 'text', text: '!' },
  ])
})

test('the wheel scrolls, clicks and unknown sequences mean nothing', () => {
  expect(read('\x1b[<64;10;5M\x1b[<65;1;1M\x1b[<0;3;3M\x1b[99~\x1b[?1;2c')).toEqual(['scroll-up', 'scroll-down'].map(command))
})
