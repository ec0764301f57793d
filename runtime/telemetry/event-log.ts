import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import { createRotatingFile } from './rotating-file.ts'

export interface EventLog {
  write(line: string): void
}

/** What happened, a line each, for the person who looks at the window `logs`. A disk that is full stops nothing. */
export function createEventLog(path: string, clock: Clock, log: Log): EventLog {
  const append = createRotatingFile(path)
  return {
    write(line) {
      const time = clock.now().toISOString().slice(0, 19).replace('T', ' ')
      try {
        append(`${time}  ${line.replaceAll(/\p{Cc}/gu, ' ')}\n`)
      } catch (error) {
        log.warn('event not written', { error: explain(error) })
      }
    },
  }
}
