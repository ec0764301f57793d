import type { Engine } from '../../reconcilers/engine/status.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { json } from '../door/answer.ts'
import type { Call } from '../door/route.ts'

const longest = 3_600

/** Answers when the commit is converged, when what is left needs a person, or when the time is up. */
export async function waitFor(
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  revision: string,
  timeout: number,
  { request, keepOpen }: Call,
): Promise<Response> {
  keepOpen()
  const seconds = Math.min(Math.max(timeout, 0), longest)
  const end = AbortSignal.any([request.signal, AbortSignal.timeout(seconds * 1_000)])
  const startedAt = clock.now().getTime()
  const reached = () => ({ milliseconds: clock.now().getTime() - startedAt, ...engine.status() })
  const stuck = () => engine.status().resources.some(resource => resource.state === 'held' || resource.state === 'stalled')
  try {
    await engine.settled(revision, end)
    while (!engine.status().converged && !stuck()) await nextEvent(engine, end)
  } catch (error) {
    if (!end.aborted) throw error
  }
  return json(reached())
}

function nextEvent(engine: Engine, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      stop()
      reject(signal.reason)
    }
    const stop = engine.subscribe(() => {
      stop()
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
