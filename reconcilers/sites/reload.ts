import { statSync } from 'node:fs'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { complaintsSince, whyDown } from './nginx-down.ts'
import { frontPageStatus, probeHosts } from './probe.ts'
import { unknownHost } from './render-main.ts'
import type { World } from './world.ts'

/** Milliseconds in which new workers must answer. */
const patience = 10_000

/** `expected`: fingerprint by host that the new workers must answer with; `unknownHost` for a site that is gone. */
export type Expected = ReadonlyMap<string, string>

export interface Reloaded {
  /** Hosts that did not come up, with the reason. */
  readonly failed: ReadonlyMap<string, ApplianceError>
  /** nginx read the new generation at all. */
  readonly taken: boolean
}

/** Makes nginx read `current` again and waits until new workers answer for every changed host. */
export async function reloadAndProbe(world: World, expected: Expected, signal: AbortSignal): Promise<Reloaded> {
  const { nginx, layout, clock } = world
  const written = statSync(layout.errorLog, { throwIfNoEntry: false })?.size ?? 0
  if (nginx.pid() === undefined) return { failed: all(expected, new ApplianceError('waiting', whyDown(world))), taken: true }
  await nginx.reload()
  const deadline = performance.now() + patience
  let pause = 1
  for (;;) {
    const missing = await notYet(world, expected)
    if (missing.length === 0) return { failed: new Map(), taken: true }
    const complaints = complaintsSince(layout.errorLog, written)
    const taken = missing.length < expected.size
    if ((complaints.length > 0 && !taken) || performance.now() > deadline || signal.aborted) {
      const words = complaints.at(-1) ?? 'its new workers did not answer in time'
      return { failed: all(new Map(missing.map(host => [host, ''])), refusedReload(words)), taken }
    }
    await clock.sleep(pause, signal)
    pause = Math.min(pause * 2, 100)
  }
}

async function notYet(world: World, expected: Expected): Promise<string[]> {
  const answers = await probeHosts(world.home.probeSocket, [...expected.keys()])
  return [...expected].filter(([host, fingerprint]) => answers?.get(host) !== fingerprint).map(([host]) => host)
}

const refusedReload = (words: string) =>
  new ApplianceError('failed', `nginx did not take the new configuration: ${words}`, { hint: 'it goes on with the old one' })

const all = (expected: Expected, error: ApplianceError) => new Map([...expected.keys()].map(host => [host, error]))

/** What a visitor of the front page gets; a server error is a failure, anything else is the site's own affair. */
export async function frontPageFails(world: World, host: string, worst: number): Promise<string | undefined> {
  const status = await frontPageStatus(world.home.probeSocket, host)
  if (status === undefined) return 'its front page does not answer'
  return status >= worst ? `its front page answers ${status}` : undefined
}

export const goneHost = unknownHost
