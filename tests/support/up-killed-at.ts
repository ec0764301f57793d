import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvironment } from '../../runtime/os/environment.ts'
import { numbered } from './kill-at-steps.ts'
import { upWith } from './up-with.ts'

/**
 * `main.ts up`, with a death in it: once the file `armed` is in the home, every journalled step of the kind in
 * `KILL_KIND` is written to the file `steps`, and at the one that `KILL_AT` names the process kills itself.
 */
const environment = readEnvironment(process.env)
const at = (name: string) => join(environment.home.root, name)
const kind = process.env.KILL_KIND ?? ''
const names: string[] = []

await upWith(environment, (of, name) => {
  if (of !== kind || !existsSync(at('armed'))) return
  names.push(name)
  appendFileSync(at('steps'), `${name}\n`)
  if (numbered(names).at(-1) === process.env.KILL_AT) process.kill(process.pid, 'SIGKILL')
})
