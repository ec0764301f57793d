import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvironment } from '../../runtime/os/environment.ts'
import { numbered } from './kill-at-steps.ts'
import { upWith } from './up-with.ts'

/**
 * `main.ts up`, with a death in it: once the file `armed` is in the home, every journalled step of the kinds in
 * `KILL_KINDS` is written to the file `steps`, and at the one that stands in `armed` the process kills itself.
 */
const environment = readEnvironment(process.env)
const at = (name: string) => join(environment.home.root, name)
const kinds = (process.env.KILL_KINDS ?? '').split(' ')

await upWith(environment, (of, name) => {
  if (!kinds.includes(of) || !existsSync(at('armed'))) return
  const shown = kinds.length > 1 ? `${of} ${name}` : name
  appendFileSync(at('steps'), `${shown}\n`)
  const taken = numbered(readFileSync(at('steps'), 'utf8').trimEnd().split('\n'))
  if (taken.at(-1) === readFileSync(at('armed'), 'utf8')) process.kill(process.pid, 'SIGKILL')
})
