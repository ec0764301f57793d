import type { Spawn } from '../../runtime/os/spawn.ts'

/** Starts at most so many processes at once, and the others when one of those has ended. */
export function atMost(count: number, spawn: Spawn): Spawn {
  const waiting: (() => void)[] = []
  let running = 0
  return async (argv, options) => {
    if (running < count) running++
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await spawn(argv, options)
    } finally {
      // Its place goes to the next one.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
