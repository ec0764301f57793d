import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processFacts } from '../../runtime/os/process.ts'
import type { Appliance, StartOptions } from './appliance.ts'
import type { Clone, PushResult } from './clone.ts'
import { until } from './until.ts'

const entry = join(import.meta.dir, 'up-killed-at.ts')

export interface KillAtSteps {
  readonly appliance: Appliance
  readonly clone: Clone
  /** Steps of several have their kind before their name. */
  readonly kinds: readonly string[]
  /** Of every start that recovers. */
  readonly env?: Readonly<Record<string, string>>
  /** Writes the files of the next commit; each round changes the same things. */
  readonly change: (round: number) => Promise<void>
  /** After the recovery from each death, and once before the first. */
  readonly check: (round: number, push: PushResult) => Promise<void>
}

/** What every start needs that is to die at a step of these kinds. */
export const killable = (kinds: readonly string[], env: Readonly<Record<string, string>> = {}): StartOptions => ({
  entry,
  env: { ...env, KILL_KINDS: kinds.join(' ') },
})

/**
 * One push that is only watched, to learn the steps of its apply; then one push for each of these steps, at which the
 * runtime kills itself, and a start that recovers and is killed next. A step that several resources take is met at the
 * last of them, when the others stand somewhere else; the very first one while nothing is done, which is so at the
 * beginning of every kind. Gives the steps, in order. An appliance that runs already runs as `killable`.
 */
export async function killAtEveryStep({ appliance, clone, kinds, env = {}, change, check }: KillAtSteps): Promise<string[]> {
  const at = (name: string) => join(appliance.home.root, name)
  const steps = async () => numbered((await readFile(at('steps'), 'utf8')).trimEnd().split('\n'))
  const start = () => appliance.start(killable(kinds, env))
  const push = async (round: number, fatal = ''): Promise<PushResult> => {
    await rm(at('steps'), { force: true })
    await writeFile(at('armed'), fatal)
    await change(round)
    await clone.commit(`Round ${round}`)
    const pushed = await clone.push()
    if (!pushed.accepted) throw new Error(pushed.shown)
    return pushed
  }

  if (!isAlive(appliance.pid())) await start()
  await appliance.converged()
  const watched = await push(1)
  await appliance.converged(watched.revision)
  await rm(at('armed'))
  await check(1, watched)
  const all = worthDying(await steps())
  for (const [index, step] of all.entries()) {
    const round = index + 2
    const pushed = await push(round, step)
    await until(`it dies at ${step}`, () => !isAlive(appliance.pid())).catch(async cause => {
      throw new Error(`it came as far as ${await steps()}:\n${pushed.shown}`, { cause })
    })
    await appliance.ended()
    await rm(at('armed'))
    await start()
    await appliance.converged(pushed.revision)
    await check(round, pushed).catch(cause => {
      throw new Error(`after kill -9 at "${step}": ${cause instanceof Error ? cause.message : cause}`, { cause })
    })
  }
  return all
}

/** The first of all, and the last of each name but those of beginnings. */
const worthDying = (steps: readonly string[]): string[] =>
  steps.filter(
    (step, index) =>
      index === 0 || (!/\bbegin$/.test(nameOf(step)) && steps.findLastIndex(other => nameOf(other) === nameOf(step)) === index),
  )
const nameOf = (step: string) => step.replace(/ #\d+$/, '')

const isAlive = (pid: number) => pid !== 0 && processFacts(pid) !== undefined

/** Resources are changed at the same time, in any order: a step is its name, and how often that had come before. */
export function numbered(names: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return names.map(name => {
    const times = (seen.get(name) ?? 0) + 1
    seen.set(name, times)
    return times === 1 ? name : `${name} #${times}`
  })
}
