import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
import { git } from './rig.ts'

/** The hash of a file of 2³⁰ zeros. */
const oneGigabyte = '4fce05a4e4ed8cefef2d99f32c519b2fd7841b74'
const size = 1024 ** 3
const header = Buffer.from(`blob ${size}\0`)
/** Of one stored block of deflate: as many as it can hold. */
const block = 65_535

/** Adds a commit with a file of 1 GB that is stored as it is, so that all of it would have to be sent. */
export async function commitOfOneGigabyte(repository: string): Promise<string> {
  const path = join(repository, 'objects', oneGigabyte.slice(0, 2), oneGigabyte.slice(2))
  await mkdir(dirname(path), { recursive: true })
  writeZeros(path)
  await git(repository, 'config', 'pack.compression', '0')
  await git(repository, 'config', 'core.bigFileThreshold', '1m')
  const entry = Buffer.from(`100644 blob ${oneGigabyte}\tbig\n`)
  const tree = (await spawnChecked(spawn, ['git', `--git-dir=${repository}`, 'mktree'], { stdin: entry })).trim()
  const commit = await git(repository, 'commit-tree', tree, '-p', 'main', '-m', 'A large file')
  await git(repository, 'update-ref', 'refs/heads/main', commit)
  return commit
}

/** The zeros are holes of the file: only what stands between them is written. */
function writeZeros(path: string): void {
  const file = openSync(path, 'w')
  let at = 0
  const put = (bytes: Buffer) => {
    writeSync(file, bytes, 0, bytes.byteLength, at)
    at += bytes.byteLength
  }
  put(Buffer.concat([Buffer.from([0x78, 0x01]), headOf(header.byteLength, false), header]))
  for (let left = size; left > 0; left -= block) {
    put(headOf(Math.min(left, block), false))
    at += Math.min(left, block)
  }
  put(Buffer.concat([headOf(0, true), checksum()]))
  ftruncateSync(file, at)
  closeSync(file)
}

/** Of a block of deflate that holds its bytes as they are (RFC 1951, 3.2.4). */
function headOf(length: number, last: boolean): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(last ? 1 : 0, 0)
  head.writeUInt16LE(length, 1)
  head.writeUInt16LE(~length & 0xffff, 3)
  return head
}

/** Adler-32 of the header and the zeros, which only add up (RFC 1950). */
function checksum(): Buffer {
  const modulus = 65_521
  let [a, b] = [1, 0]
  for (const byte of header) {
    a = (a + byte) % modulus
    b = (b + a) % modulus
  }
  b = (b + (size % modulus) * a) % modulus
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(b * 65_536 + a)
  return bytes
}
