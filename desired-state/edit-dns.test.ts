import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { editRecord, removeZone, setZone } from './edit-dns.ts'
import { parseTree } from './parse.ts'

const provider = 'providers:\n  home: { type: rfc2136, server: ns1.example.com, key: k, secret: "secret:DNS_KEY" }\n'

const zonesIn = (text: string) => {
  const result = parseTree([{ path: 'dns.yaml', mode: '100644', bytes: new TextEncoder().encode(text) }], '')
  return result.ok ? [...result.state.dns.keys()] : result.mistakes
}

test('a zone comes to where the starter has its example, and leaves every comment', () => {
  const starter = readFileSync(join(import.meta.dir, 'template', 'dns.yaml'), 'utf8')
  const text = setZone(starter, 'example.com', { provider: 'home' })
  expect(text).toContain(starter.trimEnd())
  expect(text).toEndWith('  example.com: { provider: home }\n')
})

test('a zone is added and removed without a change of what else there is', () => {
  const written = `${provider}zones:\n  example.com: # mine\n    provider: home\n    records: { www: { A: 192.0.2.1 } }\n`
  const more = setZone(written, 'example.net', { provider: 'home' })
  expect(zonesIn(more)).toEqual(['example.com', 'example.net'])
  expect(removeZone(more, 'example.net')).toBe(written)
  expect(removeZone(written, 'example.org')).toBeUndefined()
})

test('one record is set where its name stands already, and goes with its name when it was the last', () => {
  const written = `${provider}zones:\n  example.com: # mine\n    provider: home\n    records: { www: { A: 192.0.2.1 } }\n`
  const edit = (text: string, name: string, type: string, ...values: readonly string[]) =>
    editRecord(text, { zone: 'example.com', name, type, set: values.length === 0 ? undefined : { values } })
  const more = edit(written, 'www.example.com', 'AAAA', '2001:db8::1') ?? ''
  expect(more).toContain('www: { A: 192.0.2.1, AAAA: 2001:db8::1 }')
  expect(more).toContain('example.com: # mine')
  const apex = edit(more, 'example.com', 'MX', '10 a.example.net', '20 b.example.net') ?? ''
  expect(apex).toContain('"@": { MX: [ 10 a.example.net, 20 b.example.net ] }')
  expect(edit(edit(apex, 'www.example.com', 'A') ?? '', 'www.example.com', 'AAAA')).not.toContain('www')
  expect(edit(written, 'nobody.example.com', 'A')).toBeUndefined()
  expect(
    editRecord(written, { zone: 'example.org', name: 'a.example.org', type: 'A', set: { values: ['192.0.2.1'] } }),
  ).toBeUndefined()
})

test('zones and names are found however they are spelled', () => {
  const written = `${provider}zones:\n  bücher.example:\n    provider: home\n    records: { müller: { A: 192.0.2.1 } }\n`
  const [zone, name] = ['xn--bcher-kva.example', 'xn--mller-kva.xn--bcher-kva.example']
  const more = editRecord(written, { zone, name, type: 'AAAA', set: { values: ['2001:db8::1'] } }) ?? ''
  expect(more).toContain('müller: { A: 192.0.2.1, AAAA: 2001:db8::1 }')
  expect(zonesIn(more)).toEqual([zone])
  expect(zonesIn(removeZone(more, zone) ?? '')).toEqual([])
})
