import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { type Verb, verb } from './verb.ts'

export interface LogVerbDeps {
  readonly home: Pick<Home, 'logs'>
  /** Takes out what is secret, or looks like it. */
  readonly redact: (text: string) => string
}

/** Bytes at the end of a log that are looked through, and characters that are given back. */
const looked = 4 * 1024 * 1024
const longest = 60_000
const longestLine = 2_000

export const logVerbs = ({ home, redact }: LogVerbDeps): readonly Verb[] => [
  verb('logs.read', {
    input: z.strictObject({
      log: z.string().max(100).optional(),
      lines: z.int().min(1).max(1_000).default(100),
      contains: z.string().min(1).max(200).optional(),
    }),
    title: ({ log }) => (log === undefined ? 'list the logs' : `read the log ${log}`),
    async run({ log, lines, contains }) {
      const names = (await readdir(home.logs)).filter(name => /^[a-z0-9-]+\.log(\.\d)?$/.test(name)).sort()
      if (log === undefined) return { logs: names }
      const name = names.find(one => one === log || one === `${log}.log`)
      if (name === undefined) throw new ApplianceError('invalid', `there is no log ${log}`, { hint: names.join(', ') })
      const all = await lastLines(join(home.logs, name))
      const wanted = all.filter(line => contains === undefined || line.includes(contains)).slice(-lines)
      return { log: name, lines: fitting(wanted.map(line => redact(line).slice(0, longestLine))) }
    },
  }),
]

async function lastLines(path: string): Promise<readonly string[]> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, looked)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n').filter(Boolean)
    return size > length ? lines.slice(1) : lines
  } finally {
    await file.close()
  }
}

/** The newest that fit. */
function fitting(lines: readonly string[]): readonly string[] {
  let left = longest
  let count = 0
  for (const line of lines.toReversed()) {
    left -= line.length + 1
    if (left < 0) break
    count += 1
  }
  return lines.slice(lines.length - count)
}
