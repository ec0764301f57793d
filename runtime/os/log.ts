export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type LogFields = Readonly<Record<string, unknown>>

/** JSON lines: a stable message; `component`, `key`, `revision`, `run` and whatever else as fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log whose lines all carry these fields. */
  with(fields: LogFields): Log
}

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

export function createLog(
  write: (line: string) => void,
  level: LogLevel = 'info',
  fields: LogFields = {},
  now = () => new Date(),
): Log {
  const line =
    (at: LogLevel) =>
    (message: string, more: LogFields = {}) => {
      if (order[at] < order[level]) return
      write(`${JSON.stringify({ time: now().toISOString(), level: at, message, ...fields, ...more })}\n`)
    }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: more => createLog(write, level, { ...fields, ...more }, now),
  }
}

export const silentLog: Log = createLog(() => {})
