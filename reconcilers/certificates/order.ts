import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import { type Spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { serverName } from '../sites/harmless.ts'

/** A certificate chain and its key, PEM. */
export interface Given {
  readonly chain: string
  readonly key: string
}

export interface OrderFiles {
  readonly key: string
  readonly request: string
  readonly certificate: string
  readonly chain: string
  readonly both: string
}

export function orderFiles(folder: string): OrderFiles {
  const at = (name: string) => join(folder, name)
  return {
    ...{ key: at('key.pem'), request: at('request.pem') },
    ...{ certificate: at('certificate.pem'), chain: at('chain.pem'), both: at('fullchain.pem') },
  }
}

/** A new key, and the request for these names; what was asked for before is forgotten. */
export async function beginOrder(spawn: Spawn, folder: string, names: readonly string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = orderFiles(folder)
  await spawnChecked(spawn, requestCommand(files, names))
  await chmod(files.key, 0o600)
}

export function requestCommand({ key, request }: OrderFiles, names: readonly string[]): string[] {
  return [
    ...['/usr/bin/openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'],
    ...['-subj', '/', '-addext', `subjectAltName=${names.map(name => `DNS:${serverName(name)}`).join(',')}`],
    ...['-keyout', key, '-out', request],
  ]
}

/**
 * What the authority gave; undefined before. certbot writes the certificate, its chain, and both in one file, in this order:
 * where the last one has not all of the first two, it was killed while it wrote.
 */
export async function givenIn(folder: string): Promise<Given | undefined> {
  const files = orderFiles(folder)
  try {
    const [key, certificate, chain, both] = await Promise.all(
      [files.key, files.certificate, files.chain, files.both].map(path => readFile(path, 'utf8')),
    )
    if (key === undefined || both === undefined || both === '' || both !== `${certificate}${chain}`) return undefined
    return { chain: both, key }
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
