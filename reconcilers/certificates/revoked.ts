import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import { writeFileAtomic } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import { folderNames, parentsIn, unfinished } from './folders.ts'

/** File beside a certificate that its authority has revoked. */
const revokedMark = 'revoked'

/** It was revoked, and serves no more. */
export const isRevoked = (folder: string): boolean => statSync(join(folder, revokedMark), { throwIfNoEntry: false }) !== undefined

/**
 * The authority has revoked what is in that folder: neither it nor another one with its key serves any more, whichever host
 * has it, or had it before it went; the files stay. That folder is the first, and it is looked until none is without the mark,
 * as each may be copied meanwhile: see `copyCertificate`.
 */
export async function markRevoked(folder: string, home: Home): Promise<void> {
  const key = publicKeyIn(folder)
  await mark(folder)
  if (key === undefined) return
  for (let open = await unmarked(key, home); open.length > 0; open = await unmarked(key, home)) {
    for (const each of open) await markIfThere(each)
  }
}

/** Copies one that may be revoked meanwhile: then the copy is marked as well. The certificate last: without it there is none. */
export async function copyCertificate(from: string, to: string): Promise<void> {
  for (const name of ['key.pem', 'issuer', 'certificate.pem']) {
    await writeFile(join(to, name), await readFile(join(from, name)), { mode: name === 'key.pem' ? 0o600 : 0o644, flush: true })
  }
  // Whoever marks it after this look finds the copy by its key.
  if (isRevoked(from)) await mark(to)
}

async function unmarked(key: KeyObject, home: Home): Promise<readonly string[]> {
  const parents = await parentsIn(nginxLayout(home), home)
  const all = parents.flatMap(parent => [...folderNames(parent), ...unfinished(parent)].map(name => join(parent, name)))
  return all.filter(each => !isRevoked(each) && publicKeyIn(each)?.equals(key) === true)
}

const mark = (folder: string): Promise<void> => writeFileAtomic(join(folder, revokedMark), '')

/** One that was moved since it was found is found once more. */
async function markIfThere(folder: string): Promise<void> {
  try {
    await mark(folder)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}

function publicKeyIn(folder: string): KeyObject | undefined {
  try {
    return createPublicKey(readFileSync(join(folder, 'key.pem')))
  } catch {
    return undefined
  }
}
