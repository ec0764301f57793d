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
