import { appendFile, rename, stat } from 'node:fs/promises'
import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'

const largest = 5 * 1024 * 1024

export interface EventLog {
  write(line: string): void
  /** Resolves when everything is written. */
  close(): Promise<void>
}

/** What happened, a line each, for the person who looks at the window `logs`; one older file is kept. */
export function createEventLog(path: string, clock: Clock, log: Log): EventLog {
  let writing: Promise<void> = Promise.resolve()
  let waiting: string[] = []
  const flush = async () => {
    const lines = waiting.join('')
    waiting = []
    if (lines === '') return
    const size = await stat(path).then(
      found => found.size,
      () => 0,
    )
    if (size > largest) await rename(path, `${path}.1`)
    await appendFile(path, lines, { mode: 0o640 })
  }
  return {
    write(line) {
      const time = clock.now().toISOString().slice(0, 19).replace('T', ' ')
      waiting.push(`${time}  ${line.replaceAll(/\p{Cc}/gu, ' ')}\n`)
      writing = writing.then(flush).catch(error => log.warn('event log not written', { error: explain(error) }))
    },
    close: () => writing,
  }
}
