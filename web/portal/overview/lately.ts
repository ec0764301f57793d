import type { Engine } from '../../../reconcilers/engine/status.ts'
import type { Clock } from '../../../runtime/os/clock.ts'

export interface Happening {
  readonly at: string
  readonly outcome: 'verified' | 'failed' | 'waiting'
  readonly kind: string
  readonly key: string
  readonly summary: string
}

/** The last changes that the engine made, newest first, since this program started. */
export interface Lately {
  read(): readonly Happening[]
  stop(): void
}

const mostKept = 30

export function watchLately(engine: Engine, clock: Clock): Lately {
  let kept: readonly Happening[] = []
  const stop = engine.subscribe(event => {
    if (event.type !== 'change' || event.phase === 'started') return
    const { kind, key, summary } = event.change
    const happening: Happening = {
      at: clock.now().toISOString(),
      outcome: event.phase,
      kind,
      key,
      summary: event.phase !== 'verified' ? event.message || summary : summary,
    }
    kept = [happening, ...kept].slice(0, mostKept)
  })
  return { read: () => kept, stop }
}
