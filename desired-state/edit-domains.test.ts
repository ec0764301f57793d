import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeDomain, setDomain } from './edit-domains.ts'
import { parseTree } from './parse.ts'

const written = `# top
domains:
  # first
  a.example.com:   { root: a }   # tail

  # second
  bücher.example:
    # inner
    root: b # why b
    aliases: [x.example.com]
  # end
`

const domainsIn = (text: string) => {
  const result = parseTree([{ path: 'domains.yaml', mode: '100644', bytes: new TextEncoder().encode(text) }], '')
  return result.ok ? [...result.state.domains.keys()] : result.mistakes
}

describe('setting a domain', () => {
  test('adds it after the last one and leaves every other line as it was', () => {
    const text = setDomain(written, 'c.example.com', { proxy: 'http://127.0.0.1:9000', websocket: true })
    const added = '  c.example.com: { proxy: http://127.0.0.1:9000, websocket: true }\n'
    expect(text).toBe(written.replace('  # end\n', `${added}  # end\n`))
    expect(domainsIn(text)).toEqual(['a.example.com', 'xn--bcher-kva.example', 'c.example.com'])
  })

  test('replaces one where it stands, with its comment', () => {
    const text = setDomain(written, 'a.example.com', { redirect: 'https://b.example.com', status: 308 })
    const replaced = '  a.example.com: { redirect: https://b.example.com, status: 308 }   # tail'
    expect(text).toBe(written.replace('  a.example.com:   { root: a }   # tail', replaced))
  })

  test('keeps the comments between the lines of one that is written over several', () => {
    const text = setDomain(written, 'xn--bcher-kva.example', { root: 'books', tls: 'acme' })
    expect(text).toContain('  bücher.example:\n    # inner\n    root: books # why b\n    tls: acme\n  # end\n')
    expect(domainsIn(text)).toEqual(['a.example.com', 'xn--bcher-kva.example'])
  })

  test('keeps the examples of the starter document', () => {
    const starter = readFileSync(join(import.meta.dir, 'template', 'domains.yaml'), 'utf8')
    expect(setDomain(starter, 'a.example.com', { root: 'a' })).toBe(`${starter}  a.example.com: { root: a }\n`)
  })

  test('makes the document when there is none, when it is empty, and when it has no line break at its end', () => {
    const empty = [undefined, '', '# only this', 'domains:', 'domains: # none', 'domains: ~\n', '{}', 'domains: {}\n']
    for (const text of [...empty, 'domains: { z.example.com: { root: z } }\n']) {
      expect(domainsIn(setDomain(text, 'a.example.com', { root: 'a' }))).toContain('a.example.com')
    }
  })

  test('whatever a form sends stays inside its own value', () => {
    const hostile = 'x }\n  evil.example.com: { root: evil }\n# "\''
    const text = setDomain(written, 'c.example.com', { root: hostile })
    expect(domainsIn(text)).toEqual([expect.objectContaining({ message: expect.stringContaining('root must be') })])
    const name = setDomain(written, 'x: {}\n  evil.example.com', { root: 'evil' })
    expect(domainsIn(name)).toEqual([expect.objectContaining({ message: expect.stringContaining('is not a host name') })])
  })
})

describe('removing a domain', () => {
  test('takes its lines and no other', () => {
    expect(removeDomain(written, 'a.example.com')).toBe(written.replace(/ {2}a\.example.*\n/, ''))
    const without = removeDomain(written, 'xn--bcher-kva.example') ?? ''
    expect(without).toContain('  # second\n  # end\n')
    expect(domainsIn(without)).toEqual(['a.example.com'])
  })

  test('leaves a document without domains when the last one goes', () => {
    const last = removeDomain('domains:\n  a.example.com: { root: a }\n', 'a.example.com') ?? ''
    expect(domainsIn(last)).toEqual([])
    expect(removeDomain('domains: { a.example.com: { root: a } }\n', 'a.example.com')).toBe('domains: {}\n')
  })

  test('of a name that is not there changes nothing', () => {
    expect(removeDomain(written, 'c.example.com')).toBeUndefined()
  })
})
