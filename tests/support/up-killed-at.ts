import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvironment } from '../../runtime/os/environment.ts'
import { numbered } from './kill-at-steps.ts'
import { upWith } from './up-with.ts'

/**
 * `main.ts up`, with a death in it: once the file `armed` is in the home, every journalled step of the kinds in
 * `KILL_KINDS` is written to the file `steps`, and at the one that `KILL_AT` names the process kills itself.
 */
const environment = readEnvironment(process.env)
const at = (name: string) => join(environment.home.root, name)
const kinds = (process.env.KILL_KINDS ?? '').split(' ')
const names: string[] = []

await upWith(environment, (of, name) => {
  if (!kinds.includes(of) || !existsSync(at('armed'))) return
  const shown = kinds.length > 1 ? `${of} ${name}` : name
  names.push(shown)
  appendFileSync(at('steps'), `${shown}\n`)
  if (numbered(names).at(-1) === process.env.KILL_AT) process.kill(process.pid, 'SIGKILL')
})
