import { commandLine, endProcesses, listProcesses } from '../../runtime/os/process.ts'

/**
 * Ends every certbot that works in this folder, with all that it has started. Asked for only while nobody waits for one: it
 * was left behind by a runtime that was killed, and holds the lock of the folder.
 */
export async function endOrphans(config: string): Promise<void> {
  const all = listProcesses()
  const leaders = new Set(all.filter(({ pid }) => worksIn(commandLine(pid), config)).map(({ session }) => session))
  await endProcesses(
    all.filter(({ session }) => leaders.has(session)),
    'SIGKILL',
    5_000,
  )
}

/** Each certbot of ours leads a session of its own. */
const worksIn = (words: readonly string[], config: string): boolean =>
  words.includes('/usr/bin/certbot') && words[words.indexOf('--config-dir') + 1] === config
