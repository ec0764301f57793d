import type { Block } from '../../../runtime/bus/work.ts'

/** A file that somebody gave an agent, as blocks of the Messages API. */
export type Attached = { readonly ok: true; readonly blocks: readonly Block[] } | { readonly ok: false; readonly mistake: string }

export interface Enclosure {
  readonly name: string
  readonly bytes: Uint8Array
}

const megabyte = 1_000_000
/** Of one file. */
export const largestFile = 10 * megabyte
/** Of everything that comes with one message: it travels with each request of the conversation. */
export const largestTogether = 10 * megabyte
export const mostFiles = 8
/** Claude takes images up to 5 MiB in base64; one that it refuses would stop the conversation. */
const largestImage = 3.9 * megabyte
/** About what fits beside the rest in the context of the model. */
const largestText = 0.4 * megabyte

export const accepted =
  'image/png,image/jpeg,image/gif,image/webp,application/pdf,text/*,.md,.csv,.json,.yaml,.yml,.log,.ts,.tsx,.js,.py,.sql,.sh,.conf'

type Sniffed =
  | { readonly kind: 'image'; readonly type: string }
  | { readonly kind: 'pdf' }
  | { readonly kind: 'text'; readonly text: string }
  | undefined

/** What a file is, by its content alone. */
export function sniff(bytes: Uint8Array): Sniffed {
  const starts = (...signature: readonly number[]) => signature.every((byte, at) => bytes[at] === byte)
  const says = (at: number, word: string) => Buffer.from(bytes.subarray(at, at + word.length)).toString('latin1') === word
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return { kind: 'image', type: 'image/png' }
  if (starts(0xff, 0xd8, 0xff)) return { kind: 'image', type: 'image/jpeg' }
  if (says(0, 'GIF87a') || says(0, 'GIF89a')) return { kind: 'image', type: 'image/gif' }
  if (says(0, 'RIFF') && says(8, 'WEBP')) return { kind: 'image', type: 'image/webp' }
  if (says(0, '%PDF-')) return { kind: 'pdf' }
  const text = textOf(bytes)
  return text === undefined ? undefined : { kind: 'text', text }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a text file does not hold
const binary = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/

function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return binary.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Makes one file a part of a message, or says why it cannot be. */
export function attach({ name, bytes }: Enclosure): Attached {
  const title = plainName(name)
  const refuse = (why: string): Attached => ({ ok: false, mistake: `${title}: ${why}` })
  if (bytes.byteLength === 0) return refuse('the file is empty')
  if (bytes.byteLength > largestFile)
    return refuse(`a file may have ${size(largestFile)}, this one has ${size(bytes.byteLength)}`)
  const found = sniff(bytes)
  if (found === undefined) return refuse('only text, PNG, JPEG, GIF, WebP and PDF can be read')
  if (found.kind === 'text') {
    if (bytes.byteLength > largestText)
      return refuse(`a text may have ${size(largestText)}, this one has ${size(bytes.byteLength)}`)
    return { ok: true, blocks: [document(title, { type: 'text', media_type: 'text/plain', data: found.text })] }
  }
  const data = Buffer.from(bytes).toString('base64')
  if (found.kind === 'pdf')
    return { ok: true, blocks: [document(title, { type: 'base64', media_type: 'application/pdf', data })] }
  if (bytes.byteLength > largestImage)
    return refuse(`an image may have ${size(largestImage)}, this one has ${size(bytes.byteLength)}`)
  // An image has no name in the API: its name stands before it.
  return {
    ok: true,
    blocks: [
      { type: 'text', text: `${imageLead}${title}` },
      { type: 'image', source: { type: 'base64', media_type: found.type, data } },
    ],
  }
}

/** The files of one message as its blocks, or every mistake. */
export function enclosed(files: readonly Enclosure[]): {
  readonly blocks: readonly Block[]
  readonly mistakes: readonly string[]
} {
  if (files.length > mostFiles) return { blocks: [], mistakes: [`At most ${mostFiles} files go with one message.`] }
  const together = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
  if (together > largestTogether && files.length > 1) {
    return { blocks: [], mistakes: [`The files of one message may have ${size(largestTogether)} together.`] }
  }
  const attached = files.map(attach)
  return {
    blocks: attached.flatMap(each => (each.ok ? each.blocks : [])),
    mistakes: attached.flatMap(each => (each.ok ? [] : each.mistake)),
  }
}

const imageLead = 'Image: '

const document = (title: string, source: Readonly<Record<string, string>>): Block => ({ type: 'document', source, title })

/** A name without folders or anything invisible. */
const plainName = (name: string): string => {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  return (
    last
      .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
      .trim()
      .slice(0, 120) || 'file'
  )
}

/** What a page lists of an attachment. */
export interface Listed {
  readonly name: string
  readonly type: string
  readonly size: string
}

/** The files among the blocks that came with a message. */
export function listed(blocks: readonly Block[]): readonly Listed[] {
  return blocks.flatMap((block, at) => {
    const source = sourceOf(block)
    if (source === undefined) return []
    const before = blocks[at - 1]
    const lead = before?.type === 'text' && typeof before.text === 'string' ? before.text.replace(imageLead, '') : 'image'
    const name = block.type === 'document' ? String(block.title ?? 'document') : lead
    return { name, type: source.type, size: size(source.bytes) }
  })
}

function sourceOf({ type, source }: Block): { readonly type: string; readonly bytes: number } | undefined {
  if (type !== 'image' && type !== 'document') return undefined
  if (typeof source !== 'object' || source === null || !('data' in source) || typeof source.data !== 'string') return undefined
  const media = 'media_type' in source && typeof source.media_type === 'string' ? source.media_type : ''
  const encoded = 'type' in source && source.type === 'base64'
  const bytes = encoded ? decodedSize(source.data) : Buffer.byteLength(source.data)
  return {
    type: media
      .replace(/^(?:image|application)\//, '')
      .toUpperCase()
      .replace('TEXT/PLAIN', 'text'),
    bytes,
  }
}

const decodedSize = (data: string): number => (data.length / 4) * 3 - (data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0)

/** `2.1 MB` */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < megabyte) return `${Math.round(bytes / 1_000)} KB`
  return `${(bytes / megabyte).toFixed(1).replace('.0', '')} MB`
}
