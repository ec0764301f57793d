import { createHash, randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, statIfExists, syncDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { NginxLayout } from '../../runtime/services/nginx-layout.ts'
import { archivedOfAll } from './archived.ts'

/** Folders of hosts that have certificates, or had them before they went. */
export async function parentsIn(
  { certificates }: Pick<NginxLayout, 'certificates'>,
  home: Pick<Home, 'archive'>,
): Promise<readonly string[]> {
  const hosts = (await statIfExists(certificates)) === undefined ? [] : await readdir(certificates)
  return [...hosts.map(host => join(certificates, host)), ...(await archivedOfAll(home))]
}

/** Ids of the certificates in the folder of a host; none where there is no such folder. */
export const folderNames = (parent: string): readonly string[] => namesIn(parent).filter(name => /^[0-9a-f]{16}$/.test(name))

/** Folders in which a certificate is being put together, or was when something died. */
export const unfinished = (parent: string): readonly string[] => namesIn(parent).filter(name => name.startsWith('.new'))

export const contentId = (certificate: Uint8Array | string): string =>
  createHash('sha256').update(certificate).digest('hex').slice(0, 16)

/** Names of this process, and of none before it: a number of a process comes again. */
const ownStart = () => `.new-${process.pid}-${Math.trunc(performance.timeOrigin)}-`

/**
 * Puts a certificate into the folder of a host, whole or not at all, and gives its id; `fill` writes its files. Sites and
 * certificates do so at the same time, so each has a folder of its own meanwhile; those that a death left go.
 */
export async function placeIn(parent: string, fill: (folder: string) => Promise<void>): Promise<string> {
  await makeDirectory(parent, 0o700)
  for (const name of unfinished(parent)) {
    if (!name.startsWith(ownStart())) await rm(join(parent, name), { recursive: true, force: true })
  }
  const temporary = join(parent, `${ownStart()}${randomUUID()}`)
  await mkdir(temporary, { mode: 0o700 })
  try {
    await fill(temporary)
    const id = contentId(await readFile(join(temporary, 'certificate.pem')))
    await syncDirectory(temporary)
    await renameUnlessThere(temporary, join(parent, id))
    await syncDirectory(parent)
    return id
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
