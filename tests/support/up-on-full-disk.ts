import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startAppliance } from '../../appliance.ts'
import { readEnvironment } from '../../runtime/os/environment.ts'

/** `main.ts up` on a disk that fills up in the middle: once the file `armed` is in the home, the first step of a site's apply writes until nothing more fits. */
const environment = readEnvironment(process.env)
const at = (name: string) => join(environment.home.root, name)

const appliance = await startAppliance({
  environment,
  program: join(import.meta.dir, '..', '..'),
  command: 'ai-infra',
  mode: 'children',
  ending: new AbortController().signal,
  progress: line => console.log(line),
  onStep: kind => {
    if (kind === 'site' && existsSync(at('armed')) && !existsSync(at('filler'))) fill(at('filler'))
  },
})
console.log('AI Infrastructure is up, in its test.')
process.on('SIGINT', () => void appliance.stop())

function fill(path: string): void {
  const file = openSync(path, 'w')
  for (let size = 1 << 20; size >= 1; size = size === 1 ? 0 : size >> 4) {
    const block = Buffer.alloc(size)
    try {
      while (writeSync(file, block) > 0);
    } catch {
      // Full for blocks of this size: smaller ones fill the rest.
    }
  }
  closeSync(file)
}
