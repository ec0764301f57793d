import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { listProcesses } from '../../runtime/os/process.ts'

const listening = '0A'

/** Who listens on a TCP port: `"python3" (pid 4711)`, a plain word when that is hidden from us; undefined when nobody does. */
export function portOwner(port: number): string | undefined {
  const inodes = new Set([...listeners('/proc/net/tcp', port), ...listeners('/proc/net/tcp6', port)])
  if (inodes.size === 0) return undefined
  for (const { pid, name } of listProcesses()) {
    if (openSockets(pid).some(inode => inodes.has(inode))) return `"${name}" (pid ${pid})`
  }
  return 'a program of another user'
}

function listeners(file: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return linesOf(file)
    .map(line => line.trim().split(/\s+/))
    .filter(fields => fields[1]?.endsWith(`:${hex}`) && fields[3] === listening)
    .map(fields => fields[9] ?? '')
}

function openSockets(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).map(name => /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${name}`))?.[1] ?? '')
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(1)
  } catch {
    return []
  }
}
