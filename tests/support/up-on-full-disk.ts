import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvironment } from '../../runtime/os/environment.ts'
import { upWith } from './up-with.ts'

/** `main.ts up` on a disk that fills up in the middle: once the file `armed` is in the home, the first step of a site's apply writes until nothing more fits. */
const environment = readEnvironment(process.env)
const at = (name: string) => join(environment.home.root, name)

await upWith(environment, kind => {
  if (kind === 'site' && existsSync(at('armed')) && !existsSync(at('filler'))) fill(at('filler'))
})

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
