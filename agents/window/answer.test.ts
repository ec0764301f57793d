import { expect, test } from 'bun:test'
import { answerRows } from './answer.ts'

const rows = (text: string, columns = 20) =>
  answerRows(text, columns, { strong: words => `<b>${words}</b>`, code: words => `<c>${words}</c>` })

test('headings, lists, code and emphasis show as what they mean', () => {
  expect(rows('## Ports\n- **80** is `nginx`\n2. two\n```sh\nss -l  # **all**\n```\nend')).toEqual([
    '<b>Ports</b>',
    '• <b>80</b> is <c>nginx</c>',
    '2. two',
    '  <c>ss -l  # **all**</c>',
    'end',
  ])
})

test('a long item goes on under its own text', () => {
  expect(rows('- one two three four five six')).toEqual(['• one two three four', '  five six'])
})

test('what is no Markdown stays as it is', () => {
  expect(rows('a * b ** c\n#hash\n-x')).toEqual(['a * b ** c', '#hash', '-x'])
})

test('a table stands in columns, its numbers to the right', () => {
  const table = '| part | weight |\n|:-----|-----:|\n| **map** | 8 KB |\n| hours | 0.4 KB |'
  expect(rows(table)).toEqual(['<b>part</b>   <b>weight</b>', '─────  ──────', '<b>map</b>      8 KB', 'hours  0.4 KB'])
})

test('a table that is too broad, or none, stays as it was written', () => {
  const broad = '| a | b |\n|---|---|\n| a long cell of it | another long one |'
  expect(rows(broad)).toEqual(broad.split('\n'))
  expect(rows('| a |')).toEqual(['| a |'])
  expect(rows('```\n| a |\n|---|\n```')).toEqual(['  <c>| a |</c>', '  <c>|---|</c>'])
})

test('a link is its words and its address, once; a quotation has a line beside it; emphasis has no stars', () => {
  expect(rows('see [the docs](https://a.example/x)', 60)).toEqual(['see the docs (https://a.example/x)'])
  expect(rows('[a.example](https://a.example/)', 60)).toEqual(['https://a.example/'])
  expect(rows('> Bread is mostly patience.', 60)).toEqual(['│ Bread is mostly patience.'])
  expect(rows('the project *bakery*, 2*3*4 and `*x*`', 60)).toEqual(['the project bakery, 2*3*4 and <c>*x*</c>'])
})
