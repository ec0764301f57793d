import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { readTextIfExists, removeIfExists, writeFileAtomic } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import {
  bootId,
  commandLine,
  environmentVariable,
  executable,
  isAlive,
  listProcesses,
  type ProcessFacts,
  processFacts,
} from '../os/process.ts'
import type { Service } from './service.ts'

/** A running process of a service that an earlier runtime started. */
export interface Survivor {
  readonly process: ProcessFacts
  /** False when it was started from a different description (an upgrade): it has to be replaced. */
  readonly current: boolean
}

const recordSchema = z.object({ pid: z.number(), start: z.number(), boot: z.string(), fingerprint: z.string() })

const recordPath = (home: Home, service: Service) => join(home.run, `${service.name}.process.json`)

const marker = 'AI_INFRA_SERVICE'
const fingerprintMarker = 'AI_INFRA_SERVICE_FINGERPRINT'

/** The environment of a started service: its own, and marks by which its processes are found again. */
export function markedEnvironment(service: Service, home: Home): Record<string, string> {
  return { ...service.env, [marker]: markOf(service, home), [fingerprintMarker]: fingerprint(service) }
}

const markOf = (service: Service, home: Home) => `${service.name}:${home.root}`

const fingerprint = (service: Service) =>
  createHash('sha256')
    .update(JSON.stringify([service.argv, service.env, service.cwd]))
    .digest('hex')
    .slice(0, 16)

export async function recordProcess(service: Service, home: Home, one: ProcessFacts): Promise<void> {
  const record = { pid: one.pid, start: one.start, boot: bootId(), fingerprint: fingerprint(service) }
  await writeFileAtomic(recordPath(home, service), `${JSON.stringify(record)}\n`)
}

export const forgetProcess = (service: Service, home: Home) => removeIfExists(recordPath(home, service))

/**
 * Finds the process that an earlier runtime left: by its record, and where the record is missing (a kill between start
 * and record) by the marks in its environment or, where the program wrote its title over them, by its command line.
 */
export async function findSurvivor(service: Service, home: Home): Promise<Survivor | undefined> {
  const record = await readRecord(service, home)
  const recorded = record === undefined ? undefined : processFacts(record.pid)
  if (record && recorded?.start === record.start)
    return { process: recorded, current: record.fingerprint === fingerprint(service) }
  return findByMarks(service, home)
}

/** What is left of a service whose main process is gone: its session, and whatever carries its mark. */
export async function findRemains(service: Service, home: Home): Promise<ProcessFacts[]> {
  const record = await readRecord(service, home)
  return listProcesses().filter(one => {
    if (one.pid === process.pid) return false
    if (record !== undefined && one.session === record.pid && one.start >= record.start) return true
    return environmentVariable(one.pid, marker) === markOf(service, home)
  })
}

async function readRecord(service: Service, home: Home) {
  const text = await readTextIfExists(recordPath(home, service))
  if (text === undefined) return undefined
  const parsed = recordSchema.safeParse(parseJson(text))
  return parsed.success && parsed.data.boot === bootId() ? parsed.data : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function findByMarks(service: Service, home: Home): Survivor | undefined {
  const program = programName(service)
  const found = listProcesses()
    .filter(one => one.session === one.pid && executable(one.pid) === program)
    .map(one => ({ process: one, mark: markedAs(service, home, one) }))
    .filter(({ mark }) => mark !== undefined)
    .sort((a, b) => a.process.start - b.process.start)[0]
  if (found === undefined || !isAlive(found.process)) return undefined
  return { process: found.process, current: found.mark === fingerprint(service) }
}

/** The fingerprint that a process of this service carries; undefined for any other process. */
function markedAs(service: Service, home: Home, one: ProcessFacts): string | undefined {
  if (environmentVariable(one.pid, marker) === markOf(service, home)) return environmentVariable(one.pid, fingerprintMarker)
  const words = service.argv.slice(1).join(' ')
  return words !== '' && commandLine(one.pid).join(' ').endsWith(words) ? fingerprint(service) : undefined
}

function programName(service: Service): string | undefined {
  const path = Bun.which(service.argv[0] ?? '')
  return path === null ? undefined : basename(realpathSync(path))
}
