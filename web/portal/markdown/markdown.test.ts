import { expect, test } from 'bun:test'
import { dangersIn, tagsOf } from '../testing/markup.ts'
import { createMarkdown, loadMarkdown } from './markdown.ts'

const render = await loadMarkdown()
const html = (text: string) => render(text).join('')

test('each paragraph, list, table and piece of code is a block of its own', () => {
  const blocks = render('One.\n\n- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```sh\nls -l\n```\n')
  expect(blocks.map(block => /^<(\w+)/.exec(block)?.[1])).toEqual(['p', 'ul', 'div', 'div'])
  expect(blocks[2]).toContain('<td>1</td>')
  expect(blocks[3]).toContain('<code class="language-sh">ls -l\n</code></pre></div>')
})

test('what an answer says before it has ended is rendered as far as it goes', () => {
  expect(html('Look:\n\n```ts\nconst a = "<b>"')).toContain('const a = "&lt;b&gt;"')
})

test('blocks that are complete stay what they are while the answer goes on', () => {
  const before = render('# Plan\n\nFirst this.\n\nThen')
  const after = render('# Plan\n\nFirst this.\n\nThen that.\n\n1. x')
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
})

test('links lead away without telling from where, and images are links', async () => {
  const tags = await tagsOf(html('[a](https://a.example) ![b](https://b.example/x.png) [c][1]\n\n[1]: mailto:c@example.com'))
  const links = tags.filter(({ name }) => name === 'a').map(({ attributes }) => [attributes.get('href'), attributes.get('rel')])
  expect(links).toEqual([
    ['https://a.example', 'noopener noreferrer nofollow'],
    ['https://b.example/x.png', 'noopener noreferrer nofollow'],
    ['mailto:c@example.com', 'noopener noreferrer nofollow'],
  ])
  expect(tags.some(({ name }) => name === 'img')).toBe(false)
})

test('a reference keeps what it means when its definition changes', () => {
  expect(html('[c][1]\n\n[1]: https://one.example')).toContain('https://one.example')
  expect(html('[c][1]\n\n[1]: https://two.example')).toContain('https://two.example')
})

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[x](javascript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '![x](javascript:alert(1))',
  '<a href="javascript:alert(1)">x</a>',
  '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
  '```"><script>alert(1)</script>\ncode\n```',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<b hx-get="/x" hx-trigger="load">x</b>',
  '| <img src=x onerror=alert(1)> |\n|---|\n| <base href=//evil.example> |',
  '<div\n\nstyle="position:fixed">',
  '[a]: javascript:alert(1)\n\n[a]',
  '<pre><script>alert(1)</script></pre>',
  '`<pre`<table onclick=alert(1)>',
  'javascript:alert(1) <javascript:alert(1)>',
])('hostile Markdown is inert: %s', async text => {
  expect(await dangersIn(html(text))).toEqual([])
})

test('a text of a megabyte is shown, not worked on', () => {
  const began = performance.now()
  expect(html('*[('.repeat(350_000))).toContain('<pre>*[(')
  expect(performance.now() - began).toBeLessThan(1_000)
})

test('code says its language, and can be copied', () => {
  expect(html('```ts\nlet a\n```')).toContain(
    '<p><span>ts</span> <button type="button" class="quiet" data-copy>Copy</button></p>',
  )
  expect(html('    indented')).toContain('<p><span></span> <button')
})

test('a text that comes piece by piece becomes, at each piece, what it would be as a whole', async () => {
  const parts = [
    '# Title\n|words **bold|** and `co|de`|\n|\n\n|- item\n|- [ ] two\n  more\n|  - below\n|1. one\n|2) two\n|> quoted\n|lazy\n',
    '---\n|===\n|```ts\n|const a = 1\n\nconst b\n|```\n|~~~|    indented\n|<div>\n|</div>\n|<!-- c| -->\n|[ref]|* * *\n|a\r\n|\t',
  ].flatMap(line => line.split('|'))
  parts.push('| a | b |\n', '|---|---|\n', '| 1 | 2 |\n', '\\', '&amp;', '  \n')
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  for (let round = 0; round < 60; round++) {
    // Every tenth text defines a reference at its end, which changes what stands before.
    const pieces = Array.from({ length: 24 }, () => parts[random(parts.length)] ?? '')
    if (round % 10 === 0) pieces.push('\n\n[ref]: https://example.com\n\n', 'after [ref]\n\n', 'more')
    const following = await createMarkdown()
    let text = ''
    for (const piece of pieces) {
      text += piece
      expect([text, following(text)]).toEqual([text, (await createMarkdown())(text)])
    }
  }
}, 60_000)
