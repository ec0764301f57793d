import { expect, test } from 'bun:test'
import { attach, listed, size, sniff } from './attachments.ts'

const bytes = (...parts: readonly (string | number[])[]) =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

const png = bytes([0x89], 'PNG\r\n', [0x1a], '\n', [0, 0, 0, 13])

test.each([
  ['image/png', png],
  ['image/jpeg', bytes([0xff, 0xd8, 0xff, 0xe0, 0])],
  ['image/gif', bytes('GIF89a', [1, 0, 1, 0])],
  ['image/webp', bytes('RIFF', [1, 2, 3, 4], 'WEBPVP8 ')],
] as const)('%s is told by its content, whatever its name', (type, content) => {
  expect(sniff(content)).toEqual({ kind: 'image', type })
  const attached = attach({ name: 'letter.txt', bytes: content })
  expect(attached.ok && listed(attached.blocks)[0]?.name).toBe('letter.txt')
})

test('a PDF becomes a document with its name, and a text one with its words', () => {
  const pdf = attach({ name: 'plan.pdf', bytes: bytes('%PDF-1.7\n%\n', [0, 255]) })
  const source = { type: 'base64', media_type: 'application/pdf', data: bytes('%PDF-1.7\n%\n', [0, 255]).toString('base64') }
  expect(pdf).toEqual({ ok: true, blocks: [{ type: 'document', source, title: 'plan.pdf' }] })
  const text = attach({ name: 'notes.md', bytes: bytes('# Öffnungszeiten\n') })
  const words = { type: 'text', media_type: 'text/plain', data: '# Öffnungszeiten\n' }
  expect(text).toEqual({ ok: true, blocks: [{ type: 'document', source: words, title: 'notes.md' }] })
})

test.each([
  ['a program', bytes([0x7f], 'ELF', [2, 1, 1, 0])],
  ['an archive that calls itself an image', bytes('PK', [3, 4], 'image.png')],
  ['text in an unknown encoding', bytes([0xc3, 0x28])],
  ['text with control characters', bytes('a\u0000b')],
])('%s is refused with a sentence', (_, content) => {
  expect(attach({ name: 'x.png', bytes: content })).toEqual({
    ok: false,
    mistake: 'x.png: only text, PNG, JPEG, GIF, WebP and PDF can be read',
  })
})

test('what is empty or too large is refused with both sizes', () => {
  expect(attach({ name: 'a', bytes: new Uint8Array() })).toMatchObject({ mistake: 'a: the file is empty' })
  const large = Buffer.concat([png, Buffer.alloc(4_000_000)])
  expect(attach({ name: 'a.png', bytes: large })).toMatchObject({ mistake: 'a.png: an image may have 3.9 MB, this one has 4 MB' })
  expect(attach({ name: 'a.pdf', bytes: Buffer.concat([bytes('%PDF-1.7'), Buffer.alloc(10_000_000)]) })).toMatchObject({
    mistake: 'a.pdf: a file may have 10 MB, this one has 10 MB',
  })
  expect(attach({ name: 'a.txt', bytes: Buffer.alloc(500_000, 'a') })).toMatchObject({
    mistake: 'a.txt: a text may have 400 KB, this one has 500 KB',
  })
})

test('a name loses folders and what cannot be seen', () => {
  const attached = attach({ name: '../../etc/\u202egnp.exe\n', bytes: bytes('x') })
  expect(attached.ok && attached.blocks[0]).toMatchObject({ title: 'gnp.exe' })
})

test('files are listed with name, type and size', () => {
  const blocks = [
    { name: 'photo.png', bytes: Buffer.concat([png, Buffer.alloc(2_000)]) },
    { name: 'notes.md', bytes: bytes('ä'.repeat(50)) },
  ].flatMap(file => {
    const attached = attach(file)
    return attached.ok ? attached.blocks : []
  })
  expect(listed(blocks)).toEqual([
    { name: 'photo.png', type: 'PNG', size: '2 KB' },
    { name: 'notes.md', type: 'text', size: '100 B' },
  ])
  expect([size(999), size(1_000), size(2_150_000)]).toEqual(['999 B', '1 KB', '2.1 MB'])
})
