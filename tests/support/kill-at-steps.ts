import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processFacts } from '../../runtime/os/process.ts'
import type { Appliance } from './appliance.ts'
import type { Clone, PushResult } from './clone.ts'
import { until } from './until.ts'

const entry = join(import.meta.dir, 'up-killed-at.ts')

export interface KillAtSteps {
  readonly appliance: Appliance
  readonly clone: Clone
  /** Steps of several have their kind before their name. */
  readonly kinds: readonly string[]
  /** Of every start. */
  readonly env?: Readonly<Record<string, string>>
  /** Writes the files of the next commit; each round changes the same things. */
  readonly change: (round: number) => Promise<void>
  /** After the recovery from each death, and once before the first. */
  readonly check: (round: number, push: PushResult) => Promise<void>
}

/**
 * One push that is only watched, to learn the steps of its apply; then one push for each of these steps, at which the
 * runtime kills itself, and a start that recovers and is killed next. A step that several resources take is met at the
 * last of them, when the others stand somewhere else; the very first one while nothing is done. Gives the steps, in order.
 */
export async function killAtEveryStep({ appliance, clone, kinds, env = {}, change, check }: KillAtSteps): Promise<string[]> {
  const at = (name: string) => join(appliance.home.root, name)
  const steps = async () => numbered((await readFile(at('steps'), 'utf8')).trimEnd().split('\n'))
  const start = (fatal: string | undefined) =>
    appliance.start({
      entry,
      env: { ...env, KILL_KINDS: kinds.join(' '), ...(fatal === undefined ? {} : { KILL_AT: fatal }) },
    })
  const push = async (round: number): Promise<PushResult> => {
    await rm(at('steps'), { force: true })
    await writeFile(at('armed'), '')
    await change(round)
    await clone.commit(`Round ${round}`)
    const pushed = await clone.push()
    if (!pushed.accepted) throw new Error(pushed.shown)
    return pushed
  }

  await start(undefined)
  await appliance.converged()
  const watched = await push(1)
  await appliance.converged(watched.revision)
  await rm(at('armed'))
  await check(1, watched)
  const all = worthDying(await steps())
  await appliance.end('SIGKILL')
  await start(all[0])
  await appliance.converged()
  for (const [index, step] of all.entries()) {
    const round = index + 2
    const pushed = await push(round)
    await until(`it dies at ${step}`, () => !isAlive(appliance.pid())).catch(async cause => {
      throw new Error(`it came as far as ${await steps()}:\n${pushed.shown}`, { cause })
    })
    await appliance.ended()
    await rm(at('armed'))
    await start(all[index + 1])
    await appliance.converged(pushed.revision)
    await check(round, pushed).catch(cause => {
      throw new Error(`after kill -9 at "${step}": ${cause instanceof Error ? cause.message : cause}`, { cause })
    })
  }
  return all
}

/** The first of all, and the last of each name. */
const worthDying = (steps: readonly string[]): string[] =>
  steps.filter((step, index) => index === 0 || steps.findLastIndex(other => nameOf(other) === nameOf(step)) === index)
const nameOf = (step: string) => step.replace(/ #\d+$/, '')

const isAlive = (pid: number) => processFacts(pid) !== undefined

/** Resources are changed at the same time, in any order: a step is its name, and how often that had come before. */
export function numbered(names: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return names.map(name => {
    const times = (seen.get(name) ?? 0) + 1
    seen.set(name, times)
    return times === 1 ? name : `${name} #${times}`
  })
}
