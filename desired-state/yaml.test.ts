import { describe, expect, test } from 'bun:test'
import { mistakesIn, stateOf } from './testing/tree.ts'
import { largestDocument, readYamlText } from './yaml.ts'

const settings = (text: string | Uint8Array) => mistakesIn({ 'settings.yaml': text })

describe('a document that is not plain YAML gets one sentence at the place', () => {
  const cases: readonly [string, string | Uint8Array, string][] = [
    ['tabs', 'agent_model:\n\tx: 1\n', 'settings.yaml:2:1: a tab cannot indent in YAML: write spaces'],
    ['a key twice', 'tls: none\ntls: acme\n', 'settings.yaml:2:1: "tls" is here twice: keep one of them'],
    [
      'an alias',
      'tls: &a none\nagent_model: *a\n',
      'settings.yaml:2:14: *a repeats another value, which is not supported: write the value out',
    ],
    [
      'a tag',
      'tls: !!js/function x\n',
      'settings.yaml:1:6: unknown tag tag:yaml.org,2002:js/function: remove the word that begins with "!"',
    ],
    [
      'two documents',
      'tls: none\n---\ntls: acme\n',
      'settings.yaml:2:1: a second document begins here: keep one, without a line "---" between',
    ],
    [
      'a quote that does not end',
      'upstream: { branch: "main }\ntls: none\n',
      'settings.yaml:1:21: the quote that begins here does not end: write one at the end of the value as well',
    ],
    [
      'a bracket that does not end',
      'upstream: { branch: main\ntls: none\n',
      'settings.yaml:2:1: a { before this does not end: write } behind its last entry',
    ],
    [
      'a colon without a blank',
      'agent_model: x\ntls:none\n',
      'settings.yaml:2:1: this is not YAML: a colon, or the blank behind it, is missing here; write key: value',
    ],
    [
      'a line without a colon above what belongs to it',
      'upstream\n  branch: main\n',
      'settings.yaml:1:1: this is not YAML: a colon, or the blank behind it, is missing here; write key: value',
    ],
    ['a colon without a blank alone', 'tls:none\n', 'settings.yaml:1:1: tls: wants a blank behind the colon'],
    [
      'a colon without a blank below another key',
      'upstream:\n  token:hunter2-hunter2\n',
      'settings.yaml:2:3: token: wants a blank behind the colon',
    ],
    ['a colon right before a bracket', 'upstream:{ branch: main }\n', 'settings.yaml:1:9: write a blank behind this colon'],
    [
      'a line that is indented otherwise',
      'upstream:\n  branch: main\n url: x\n',
      'settings.yaml:3:1: this is not YAML: entries that belong together begin in the same column; indent this line like the ones before it',
    ],
    [
      'a comma that is missing',
      'upstream: { branch: main url: x }\n',
      'settings.yaml:1:21: this is not YAML: between { and }, or [ and ], entries are separated by commas',
    ],
    [
      'a map as a key',
      '{a: b}: 1\n',
      'settings.yaml:1:1: a key must be plain text, like name: …; in quotes where it begins with a sign, like "*.example.com": …',
    ],
    [
      'another encoding',
      new Uint8Array([0x74, 0x6c, 0x73, 0x3a, 0x0a, 0xff, 0xfe]),
      'settings.yaml:2:1: this line is not UTF-8: save the file with the encoding UTF-8',
    ],
    ['a list', '- tls\n', 'settings.yaml:1:1: this document must be a map, like { key: value }, and is a list'],
  ]
  for (const [name, text, mistake] of cases) test(name, () => expect(settings(text)).toEqual([mistake]))
})

test('a file of 10 MB is refused by its size, unread', () => {
  expect(settings(new Uint8Array(10 * 1024 * 1024).fill(0x20))).toEqual([
    `settings.yaml:1:1: the file has 10485760 bytes, and a document may have ${largestDocument}: make it smaller`,
  ])
})

// Unfolded it would have 10^30 values, and the test would never end.
test('an alias bomb is refused, not unfolded', () => {
  const rows = Array.from({ length: 30 }, (_, row) => `k${row}: &a${row} [${Array(10).fill(row === 0 ? 'lol' : `*a${row - 1}`)}]`)
  expect(settings(rows.join('\n'))[0]).toContain('settings.yaml:2:10: *a0 repeats another value')
})

test('a document of brackets only is refused, not unfolded into a crash', () => {
  for (const text of ['['.repeat(5000), '{a: '.repeat(5000), '- '.repeat(5000), `${'['.repeat(5000)}"`]) {
    expect(settings(text).length).toBeGreaterThan(0)
  }
})

test('keys that mean something to JavaScript are keys like any other', () => {
  expect(settings('__proto__: { tls: acme }\n')).toEqual([expect.stringContaining('unknown key "__proto__"')])
  expect(settings('constructor: 1\n')).toEqual([expect.stringContaining('unknown key "constructor"')])
})

test('YAML 1.1 words stay text', () => {
  const result = readYamlText('x.yaml', 'a: yes\nb: 2020-01-01\nc: ~\n')
  expect('source' in result && { ...(result.source.value as object) }).toEqual({ a: 'yes', b: '2020-01-01', c: null })
})

test('an empty file and a file of comments mean the defaults', () => {
  expect(stateOf({ 'settings.yaml': '' }).settings.tls).toBe('none')
  expect(stateOf({ 'settings.yaml': '# nothing yet\n' }).settings.look_interval_seconds).toBe(30)
})
