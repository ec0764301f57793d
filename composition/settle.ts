import type { RunningEngine } from '../reconcilers/engine/engine.ts'

/** Milliseconds that the screen waits for what is still coming up, like the first heartbeat of an adopted agent. */
const patience = 5_000
const longest = 30_000

/** Until all is as declared, or has settled and stays short of it; whatever takes longer goes on behind the screen. */
export async function untilSettled(engine: RunningEngine, ending: AbortSignal, progress: (line: string) => void): Promise<void> {
  const head = engine.state()
  if (head === undefined) return
  try {
    await engine.settled(head.revision, AbortSignal.any([ending, AbortSignal.timeout(longest)]))
    await untilConverged(engine, AbortSignal.any([ending, AbortSignal.timeout(patience)]))
    progress(`converged to ${head.revision.slice(0, 8)}`)
  } catch {
    const open = engine.status().resources.filter(({ state }) => state !== 'ready' && state !== 'suspended')
    for (const { state, kind, key, message } of open) progress(`${state} ${kind}/${key}: ${message}`)
  }
}

function untilConverged(engine: RunningEngine, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (end: () => void) => {
      stop()
      signal.removeEventListener('abort', giveUp)
      end()
    }
    const look = () => {
      if (engine.status().converged) finish(resolve)
    }
    const giveUp = () => finish(() => reject(signal.reason))
    const stop = engine.subscribe(look)
    signal.addEventListener('abort', giveUp, { once: true })
    look()
  })
}
