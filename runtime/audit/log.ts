import { type FileHandle, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../os/clock.ts'
import { ApplianceError, explain, systemCode } from '../os/errors.ts'
import { makeDirectory, syncDirectory } from '../os/files.ts'
import { takeLock } from '../os/lock.ts'
import type { AuditEvent } from './event.ts'
import { type Link, renderLine } from './line.ts'
import { type Recovered, recover } from './recover.ts'
import { currentName, largestSegment, segmentName } from './segments.ts'

export interface AuditLogOptions {
  readonly folder: string
  readonly clock: Clock
  /** Bytes; default 64 MiB. */
  readonly segment?: number
}

/** The chained file: one writer, many lines with each fsync. */
export interface AuditLog {
  /** Resolves with its line once it is on the disk. Rejects when it is not; then nothing of it stands in the file. */
  append(event: AuditEvent): Promise<string>
  /** The newest durable link. */
  last(): Link
  /** Calls back after each batch. */
  onWritten(listener: (lines: readonly string[]) => void): () => void
  readonly setAside: Recovered['setAside']
  /** Writes what waits, then closes. */
  stop(): Promise<void>
}

interface Waiting {
  readonly event: AuditEvent
  readonly at: Date
  readonly done: PromiseWithResolvers<string>
}

/** Lines of one batch: a bound on how long the event loop is held. */
const largestBatch = 1_000

export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { folder, clock, segment = largestSegment } = options
  await makeDirectory(folder, 0o700)
  const lock = takeLock(join(folder, 'audit.lock'))
  if (!lock.taken) {
    const holder = lock.holder === undefined ? 'another process' : `pid ${lock.holder}`
    throw new ApplianceError('invalid', `${holder} writes the audit already`, { subject: folder, hint: 'stop that one first' })
  }
  const recovered = await recover(folder, clock.now()).catch(error => {
    lock.release()
    throw error
  })
  const path = join(folder, currentName)
  const listeners = new Set<(lines: readonly string[]) => void>()
  let file = await open(path, 'a', 0o600)
  let { last, first, size } = recovered
  let waiting: Waiting[] = []
  let running: Promise<void> | undefined
  let ended = false
  /** The file may hold bytes of a batch that failed: they go before anything else is written. */
  let tainted = false

  /** A segment that cannot be closed grows on; the next batch tries again. */
  const rotate = async () => {
    const full = join(folder, segmentName(first))
    await rename(path, full)
    const next = await open(path, 'a', 0o600).catch(async error => {
      await rename(full, path)
      throw error
    })
    await syncDirectory(folder)
    await file.close()
    file = next
    first = last.sequence + 1
    size = 0
  }

  const write = async (batch: readonly Waiting[]): Promise<void> => {
    if (tainted) await file.truncate(size)
    tainted = false
    if (size >= segment) await rotate()
    const lines: string[] = []
    let link = last
    for (const { event, at } of batch) {
      const line = renderLine(link, event, at)
      lines.push(line.text)
      link = line.link
    }
    const bytes = Buffer.from(lines.join(''))
    tainted = true
    await writeAll(file, bytes)
    await file.datasync()
    tainted = false
    size += bytes.length
    last = link
    for (const [index, { done }] of batch.entries()) done.resolve(lines[index] ?? '')
    for (const listener of listeners) listener(lines)
  }

  const run = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, largestBatch)
      waiting = waiting.slice(largestBatch)
      try {
        await write(batch)
      } catch (cause) {
        const error = notWritten(cause)
        for (const { done } of batch) done.reject(error)
      }
    }
    running = undefined
  }

  return {
    setAside: recovered.setAside,
    last: () => last,
    append(event) {
      if (ended) return Promise.reject(new ApplianceError('waiting', 'the audit is closed: the appliance stops'))
      const done = Promise.withResolvers<string>()
      waiting.push({ event, at: clock.now(), done })
      // What is asked for in the same turn goes to the disk together.
      running ??= Promise.resolve().then(run)
      return done.promise
    },
    onWritten(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async stop() {
      ended = true
      await running
      await file.close()
      lock.release()
    },
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten
}

function notWritten(cause: unknown): ApplianceError {
  const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '')
  const message = full ? 'the disk is full, so the audit cannot be written' : `the audit cannot be written: ${explain(cause)}`
  return new ApplianceError('waiting', message, { hint: full ? 'make room, then repeat' : 'the log says more', cause })
}
