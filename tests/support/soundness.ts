import { expect } from 'bun:test'
import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Appliance } from './appliance.ts'
import { commandsOf } from './processes.ts'
import { until } from './until.ts'

/** What may run once, and only once, in a home with these agents; everything else that names the home is an orphan. */
const programs = (agents: readonly string[]): readonly [string, RegExp][] => [
  ['the runtime', /(main|up-killed-at)\.ts up$/],
  ['postgres', /postgres -D /],
  ['redis', /redis-server /],
  ['the tmux server', /tmux -D /],
  ['the watch on tmux', /tmux .*wait-for /],
  ['bwrap of nginx', /bwrap /],
  ['nginx', /nginx: master process/],
  ['the window monitor', /^\d+ top /],
  ['the window logs', /^\d+ tail /],
  ...agents.map((name): [string, RegExp] => [`agent ${name}`, new RegExp(`agents/main\\.ts ${name}$`)]),
]

const manifold = /nginx: (worker|cache)|postgres: /

/** One process of each kind, windows once and in their order, one intact generation of nginx: nothing lost, nothing doubled. */
export async function expectSound(appliance: Appliance, agents: readonly string[]): Promise<void> {
  expect(await appliance.windows()).toEqual([...agents, 'monitor', 'logs'])
  expect(await readlink(join(appliance.home.nginx, 'current'))).toMatch(/^generations\/\d+$/)
  let found: readonly string[] = []
  const look = () => {
    found = oddities(appliance.home.root, agents)
    return found.length === 0
  }
  await until('each process is there once', look).catch(() => expect(found).toEqual([]))
}

function oddities(root: string, agents: readonly string[]): string[] {
  const commands = commandsOf(root).filter(
    command => !manifold.test(command) && !/ (ba)?sh -c | (\/usr\/bin\/)?git /.test(command),
  )
  const known = programs(agents)
  const counts = known.flatMap(([name, pattern]) => {
    const count = commands.filter(command => pattern.test(command)).length
    return count === 1 ? [] : [`${count} of ${name}`]
  })
  const unknown = commands.filter(command => !known.some(([, pattern]) => pattern.test(command)))
  return [...counts, ...unknown.map(command => `an orphan: ${command}`)]
}
