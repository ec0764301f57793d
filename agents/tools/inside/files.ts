import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ReadAnswer } from './operation.ts'

const largestText = 10 * 1024 * 1024
const longestLine = 2_000
/** Of one answer; the sandbox cuts what is much longer in the middle. */
const mostBytes = 100_000
const largestDigested = 100 * 1024 * 1024

/** Opens what is a plain file, and nothing that waits for a writer or never ends. */
export function readPlain(
  path: string,
  largest: number,
  offset = 0,
  length = Number.POSITIVE_INFINITY,
): { bytes: Buffer; size: number } {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(file)
    if (stat.isDirectory()) throw new Error(`${path} is a folder: use list`)
    if (!stat.isFile()) throw new Error(`${path} is no plain file`)
    const wanted = Math.min(length, Math.max(stat.size - offset, 0))
    if (wanted > largest)
      throw new Error(`${path} has ${stat.size} bytes; ${largest} can be read: use run with head, tail or grep`)
    const bytes = Buffer.alloc(wanted)
    let done = 0
    while (done < wanted) {
      const count = readSync(file, bytes, done, wanted - done, offset + done)
      if (count === 0) break
      done += count
    }
    return { bytes: bytes.subarray(0, done), size: stat.size }
  } finally {
    closeSync(file)
  }
}

export function readText(path: string): string {
  const { bytes } = readPlain(path, largestText)
  if (isBinary(bytes)) throw new Error(`${path} is no text`)
  return bytes.toString('utf8')
}

export const isBinary = (bytes: Uint8Array) => bytes.subarray(0, 8_000).includes(0)

export function read(path: string, from: number, lines: number): ReadAnswer {
  const { bytes: head, size } = readPlain(path, 64, 0, 64)
  const mediaType = imageType(head)
  if (mediaType !== undefined) return { kind: 'image', text: '', from: 0, to: 0, total: 0, size, mediaType }
  const { bytes } = readPlain(path, largestText)
  if (isBinary(bytes)) return { kind: 'binary', text: '', from: 0, to: 0, total: 0, size, mediaType: '' }
  const all = bytes.toString('utf8').split('\n')
  if (all.at(-1) === '') all.pop()
  const start = Math.max(from, 1)
  const chosen = fitting(all.slice(start - 1, start - 1 + lines).map((line, index) => `${start + index}\t${cut(line)}`))
  const text = chosen.join('\n')
  return { kind: 'text', text, from: start, to: start + chosen.length - 1, total: all.length, size, mediaType: 'text/plain' }
}

/** The first lines that fit, one at least. */
function fitting(lines: readonly string[]): readonly string[] {
  let left = mostBytes
  let count = 0
  for (const line of lines) {
    left -= Buffer.byteLength(line) + 1
    if (left < 0) break
    count += 1
  }
  return lines.slice(0, Math.max(count, 1))
}

const cut = (line: string) => (line.length > longestLine ? `${line.slice(0, longestLine)}… [${line.length} characters]` : line)

function imageType(head: Buffer): string | undefined {
  const ascii = head.toString('latin1')
  if (ascii.startsWith('\x89PNG')) return 'image/png'
  if (ascii.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (ascii.startsWith('GIF8')) return 'image/gif'
  if (ascii.startsWith('RIFF') && ascii.slice(8, 12) === 'WEBP') return 'image/webp'
  return undefined
}

export function edit(path: string, old: string, replacement: string, all: boolean): { replaced: number; line: number } {
  const text = readText(path)
  if (old === '') throw new Error('the text to replace is empty: use write for a new file')
  const count = text.split(old).length - 1
  if (count === 0)
    throw new Error(`the text is not in ${path}: it has to match exactly, with every space and line break${nearly(text, old)}`)
  if (count > 1 && !all) throw new Error(`the text is ${count} times in ${path}: give more lines around it, or say all`)
  const line = text.slice(0, text.indexOf(old)).split('\n').length
  replaceFile(path, text.split(old).join(replacement))
  return { replaced: count, line }
}

/** Where the first line of it stands, for who got the rest slightly wrong. */
function nearly(text: string, old: string): string {
  const first = old
    .split('\n')
    .map(line => line.trim())
    .find(line => line.length > 2)
  const found = first === undefined ? -1 : text.split('\n').findIndex(line => line.includes(first))
  return found === -1 ? '' : ` (its first line is like line ${found + 1})`
}

export function write(path: string, content: string): { created: boolean; bytes: number } {
  const before = statSync(path, { throwIfNoEntry: false })
  if (before !== undefined && !before.isFile()) throw new Error(`${path} is no plain file`)
  mkdirSync(dirname(path), { recursive: true })
  replaceFile(path, content)
  return { created: before === undefined, bytes: Buffer.byteLength(content) }
}

export function remove(path: string): void {
  if (vanishes(dirname(path))) throw new Error(`${path} is out of what you may write`)
  if (lstatSync(path).isDirectory()) rmdirSync(path)
  else unlinkSync(path)
}

/** As a whole: beside it, then renamed; a link keeps leading where it led. */
function replaceFile(path: string, content: string): void {
  const before = statSync(path, { throwIfNoEntry: false })
  const target = before === undefined ? path : realpathSync(path)
  if (vanishes(dirname(target))) throw new Error(`${path} is out of what you may write`)
  const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomBytes(4).toString('hex')}.tmp`)
  try {
    writeFileSync(temporary, content, { flag: 'wx', mode: 0o644 })
    if (before !== undefined) chmodSync(temporary, before.mode & 0o777)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** The sandbox has put an empty folder in the place of one that is out of sight: what is written there is gone with us. */
function vanishes(folder: string): boolean {
  if (process.env.SANDBOX_RUNTIME === undefined) return false
  const { dev } = statSync(folder)
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return mounts.some(line => line.split(' ')[2] === device && line.split(' ')[3] === '/' && line.includes(' - tmpfs '))
}

export const digests = (paths: readonly string[]): { path: string; digest: string }[] =>
  paths.flatMap(path => {
    try {
      const { bytes } = readPlain(path, largestDigested)
      return [{ path, digest: createHash('sha256').update(bytes).digest('hex') }]
    } catch {
      return []
    }
  })
