import { statSync } from 'node:fs'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { complaintsSince, seesFolders, whyDown } from './nginx-down.ts'
import { frontPageStatus, probeHosts } from './probe.ts'
import type { World } from './world.ts'

/** Milliseconds in which new workers must answer, if nginx says nothing against it: with 5,000 sites on a busy machine it takes its time. */
const patience = 30_000

/** What new workers must answer for a host: a fingerprint, or anything but one that began so. */
export type Expected = ReadonlyMap<string, { readonly is: string } | { readonly not: string }>

/** Hosts for which nginx does not answer as it should; undefined when it does not answer at all. */
export async function unexpected(world: World, expected: Expected): Promise<readonly string[] | undefined> {
  const answers = await probeHosts(world.home.probeSocket, [...expected.keys()])
  if (answers === undefined) return undefined
  const differs = ([host, wanted]: [string, { readonly is: string } | { readonly not: string }]) => {
    const answer = answers.get(host)
    return 'is' in wanted ? answer !== wanted.is : answer === undefined || answer.startsWith(wanted.not)
  }
  return [...expected].filter(differs).map(([host]) => host)
}

export interface Reloaded {
  /** Hosts that did not come up, with the reason. */
  readonly failed: ReadonlyMap<string, ApplianceError>
  /** False when nginx goes on with the generation that it had. */
  readonly taken: boolean
}

/** Makes nginx read `current` again and waits until nothing but new workers answers, for every changed host. */
export async function reloadAndProbe(world: World, expected: Expected, signal: AbortSignal): Promise<Reloaded> {
  const { nginx, layout, clock } = world
  const failed = (hosts: Iterable<string>, error: ApplianceError) => new Map([...hosts].map(host => [host, error]))
  if (nginx.pid() === undefined) return { failed: failed(expected.keys(), waiting(whyDown(world))), taken: true }
  if (!seesFolders(world)) {
    await nginx.restart()
    const message = 'nginx is restarted: a folder that it had open was deleted and made again'
    return { failed: failed(expected.keys(), waiting(message)), taken: true }
  }
  const written = statSync(layout.errorLog, { throwIfNoEntry: false })?.size ?? 0
  const reload = await nginx.reload()
  const deadline = performance.now() + patience
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    const settled = reload.settled()
    const missing = (await unexpected(world, expected)) ?? [...expected.keys()]
    if (settled && missing.length === 0) return { failed: new Map(), taken: true }
    const complaints = settled ? [] : complaintsSince(layout.errorLog, written)
    if (settled || complaints.length > 0 || performance.now() > deadline || signal.aborted) {
      const words = complaints.at(-1) ?? 'its new workers did not answer as they should'
      return { failed: failed(settled ? missing : expected.keys(), refusedReload(words)), taken: settled }
    }
    await clock.sleep(pause, signal)
  }
}

const waiting = (message: string) => new ApplianceError('waiting', message)

const refusedReload = (words: string) =>
  new ApplianceError('failed', `nginx did not take the new configuration: ${words}`, { hint: 'it goes on with the old one' })

/** What a visitor of the front page gets; a server error is a failure, anything else is the site's own affair. */
export async function frontPageFails(world: World, host: string, worst: number): Promise<string | undefined> {
  const status = await frontPageStatus(world.home.probeSocket, host)
  if (status === undefined) return 'its front page does not answer'
  // All our own questions count as one visitor's: too many of them say nothing about the site.
  if (status === 429) return undefined
  return status >= worst ? `its front page answers ${status}` : undefined
}
