import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { systemCode } from './errors.ts'
import { listProcesses, type ProcessFacts } from './process.ts'

/** Who listens: the process, or `hidden` when it belongs to somebody whose processes we may not look into. */
export type Holder = ProcessFacts | 'hidden'

/** Who listens on a TCP port in a way that keeps us from it; undefined when it is free. */
export function portHolder(port: number): Holder | undefined {
  const inode = listeningInode(port, readTable('tcp'), readTable('tcp6'))
  return inode === undefined ? undefined : owner(inode)
}

/** Who listens on a Unix socket of that path; undefined when nobody does, also when the file is there. */
export function socketHolder(path: string): Holder | undefined {
  const inode = listeningSocketInode(path, readTable('unix'))
  return inode === undefined ? undefined : owner(inode)
}

/** The inode of the listening socket, from the text of /proc/net/tcp and /proc/net/tcp6. */
export function listeningInode(port: number, tcp: string, tcp6: string): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = [...tcp.split('\n'), ...tcp6.split('\n').filter(line => /^\s*\d+: 0{32}:/.test(line))]
  for (const row of rows) {
    const fields = row.trim().split(/\s+/)
    if (fields[1]?.endsWith(suffix) && fields[3] === listening) return fields[9]
  }
  return undefined
}

const listening = '0A'

/** The same for a path, from the text of /proc/net/unix. */
export function listeningSocketInode(path: string, unix: string): string | undefined {
  for (const row of unix.split('\n')) {
    const [, , , flags, , , inode, ...name] = row.split(/\s+/)
    if (flags === acceptsConnections && name.join(' ') === path) return inode
  }
  return undefined
}

const acceptsConnections = '00010000'

/** `python3 (pid 4711)`, or that we cannot see it. */
export const describeHolder = (holder: Holder) =>
  holder === 'hidden' ? 'a program of another user' : `${holder.name} (pid ${holder.pid})`

function owner(inode: string): Holder {
  const holders = listProcesses().filter(one => hasOpen(one.pid, `socket:[${inode}]`))
  return holders.sort((a, b) => a.start - b.start)[0] ?? 'hidden'
}

function hasOpen(pid: number, target: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).some(name => readTarget(`${folder}/${name}`) === target)
  } catch (error) {
    return ignoreHidden(error, false)
  }
}

function readTarget(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch (error) {
    return ignoreHidden(error, undefined)
  }
}

function readTable(name: 'tcp' | 'tcp6' | 'unix'): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'utf8')
  } catch (error) {
    return ignoreHidden(error, '')
  }
}

function ignoreHidden<T>(error: unknown, otherwise: T): T {
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return otherwise
  throw error
}
