import { appendFileSync } from 'node:fs'

/**
 * `main.ts up`, which writes down every program that it starts, with its whole command line and environment, one JSON line
 * each, into the file that `SPAWNS` names: a look at /proc would miss those that end at once.
 */
const path = process.env.SPAWNS ?? ''

const recorded = <Run extends (...args: never[]) => unknown>(run: Run): Run =>
  new Proxy(run, {
    apply(target, self, args: unknown[]) {
      const [argv, options] = args
      const env = typeof options === 'object' && options !== null && 'env' in options ? options.env : process.env
      appendFileSync(path, `${JSON.stringify({ argv, env })}\n`)
      return Reflect.apply(target, self, args)
    },
  })

for (const name of ['spawn', 'spawnSync'] as const) Reflect.set(Bun, name, recorded(Bun[name]))
await import('../../main.ts')
