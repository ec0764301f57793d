import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
import { git } from './rig.ts'

/** The hash of a file of 2³⁰ zeros. */
const oneGigabyte = '4fce05a4e4ed8cefef2d99f32c519b2fd7841b74'
const size = 1024 ** 3
const header = Buffer.from(`blob ${size}\0`)
/** Of one stored block of deflate. */
const block = 32_768

/** Adds a commit with a file of 1 GB that is stored as it is, so that all of it would have to be sent. */
export async function commitOfOneGigabyte(repository: string): Promise<string> {
  const path = join(repository, 'objects', oneGigabyte.slice(0, 2), oneGigabyte.slice(2))
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'w')
  await file.write(Buffer.concat([Buffer.from([0x78, 0x01]), stored(header, false)]))
  const many = Buffer.concat(Array.from({ length: 512 }, () => stored(Buffer.alloc(block), false)))
  for (let written = 0; written < size; written += 512 * block) await file.write(many)
  await file.write(Buffer.concat([stored(Buffer.alloc(0), true), checksum()]))
  await file.close()
  await git(repository, 'config', 'pack.compression', '0')
  await git(repository, 'config', 'core.bigFileThreshold', '1m')
  const entry = Buffer.from(`100644 blob ${oneGigabyte}\tbig\n`)
  const tree = (await spawnChecked(spawn, ['git', `--git-dir=${repository}`, 'mktree'], { stdin: entry })).trim()
  const commit = await git(repository, 'commit-tree', tree, '-p', 'main', '-m', 'A large file')
  await git(repository, 'update-ref', 'refs/heads/main', commit)
  return commit
}

/** A block of deflate that holds its bytes as they are (RFC 1951, 3.2.4). */
function stored(bytes: Buffer, last: boolean): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(last ? 1 : 0, 0)
  head.writeUInt16LE(bytes.byteLength, 1)
  head.writeUInt16LE(~bytes.byteLength & 0xffff, 3)
  return Buffer.concat([head, bytes])
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
