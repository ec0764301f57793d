import { closeSync, openSync } from 'node:fs'
import { copyFile, open, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { statIfExists } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import type { Service } from './service.ts'

const largest = 8 * 1024 * 1024

/** What the service writes to stdout and stderr; a file, so that it outlives the runtime. */
export const serviceLogPath = (home: Home, service: Pick<Service, 'name'>) => join(home.logs, `${service.name}.log`)

/** Opens the log for appending, gives the descriptor to `use`, and closes it. */
export function withServiceLog<T>(home: Home, service: Service, use: (descriptor: number) => T): T {
  const descriptor = openSync(serviceLogPath(home, service), 'a', 0o640)
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export async function serviceLogSize(home: Home, service: Service): Promise<number> {
  return (await statIfExists(serviceLogPath(home, service)))?.size ?? 0
}

/** Moves what is there aside when it has grown large. The service goes on appending to the same, emptied file. */
export async function limitServiceLog(home: Home, service: Service): Promise<void> {
  if ((await serviceLogSize(home, service)) < largest) return
  const path = serviceLogPath(home, service)
  await copyFile(path, `${path}.1`)
  await truncate(path)
}

/** The last lines written since `offset`, in one line for a person; empty when it wrote nothing. */
export async function lastWords(home: Home, service: Service, offset: number, lines = 3): Promise<string> {
  const size = await serviceLogSize(home, service)
  const from = Math.max(offset > size ? 0 : offset, size - 4096)
  if (size <= from) return ''
  const handle = await open(serviceLogPath(home, service), 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from)
    const text = buffer.toString('utf8', 0, bytesRead).trim()
    return text.split('\n').slice(-lines).join(' | ').slice(-600)
  } finally {
    await handle.close()
  }
}
