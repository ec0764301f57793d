import { statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { commandLine, endProcesses, listProcesses } from '../os/process.ts'

const bridge = /^UNIX-LISTEN:(\/[^,]*\/claude-http-[0-9a-f]+\.sock),/

/** Ends the ways to a proxy whose process was killed: they are processes of their own, and nobody else would. Those of other users are theirs. */
export async function endOrphanedBridges(): Promise<void> {
  const all = listProcesses()
  const adopters = new Set(all.filter(one => one.pid === 1 || one.name === 'systemd').map(one => one.pid))
  const orphans = all.flatMap(one => {
    if (one.name !== 'socat' || !adopters.has(one.parent) || !isOurs(one.pid)) return []
    const words = commandLine(one.pid)
    const socket = words.map(word => bridge.exec(word)?.[1]).find(path => path !== undefined)
    return socket === undefined ? [] : [{ process: one, socket }]
  })
  await endProcesses(
    orphans.map(one => one.process),
    'SIGTERM',
    1000,
  )
  for (const { socket } of orphans) await rm(socket, { force: true })
}

function isOurs(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === process.getuid?.()
  } catch {
    return false
  }
}
