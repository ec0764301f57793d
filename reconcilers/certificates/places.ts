import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import { statIfExists } from '../../runtime/os/files.ts'
import { hostFolder } from '../sites/harmless.ts'
import { issuerFolder } from './issuer.ts'

export interface CertbotPlaces {
  /** Folder of everything that certbot keeps, for this user alone. */
  readonly folder: string
  /** Web root in which answers over HTTP are put. */
  readonly challenges: string
  /** Folder of the sockets over which certbot has answers put into DNS, for this user alone. */
  readonly sockets: string
}

/** Where things of one host at one authority lie. Hosts share nothing but the account, so that none waits for another. */
export interface HostPlaces {
  readonly folder: string
  readonly config: string
  readonly work: string
  readonly logs: string
  /** What is asked for, and what was given: see `order.ts`. */
  readonly order: string
  /** Answers that stand in DNS, one file for each: see `ledger.ts`. */
  readonly shown: string
  readonly socket: string
}

export const accountsAt = ({ folder }: CertbotPlaces, directory: string): string =>
  join(folder, issuerFolder(directory), 'accounts')

export function hostPlaces(places: CertbotPlaces, directory: string, host: string): HostPlaces {
  const issuer = issuerFolder(directory)
  const folder = join(places.folder, issuer, 'hosts', hostFolder(host))
  const at = (name: string) => join(folder, name)
  return {
    ...{ folder, config: at('config'), work: at('work'), logs: at('logs'), order: at('order'), shown: at('shown') },
    socket: join(places.sockets, `${issuerFolder(`${directory} ${host}`)}.sock`),
  }
}

const hostOfFolder = (name: string): string => name.replace(/^_\./, '*.')

/** The folders that certbot has for a host, one for each authority that was asked. */
export async function foldersOf({ folder }: Pick<CertbotPlaces, 'folder'>, host: string): Promise<readonly string[]> {
  const folders = (await namesIn(folder)).map(issuer => join(folder, issuer, 'hosts', hostFolder(host)))
  const there = await Promise.all(folders.map(async path => (await statIfExists(path)) !== undefined))
  return folders.filter((_, index) => there[index])
}

/** Hosts that certbot keeps something of. */
export async function hostsIn({ folder }: Pick<CertbotPlaces, 'folder'>): Promise<ReadonlySet<string>> {
  const hosts = await Promise.all((await namesIn(folder)).map(issuer => namesIn(join(folder, issuer, 'hosts'))))
  return new Set(hosts.flat().map(hostOfFolder))
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
