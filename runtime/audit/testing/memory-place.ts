import type { AnchorPlace } from '../anchor.ts'

/** Notes in memory. */
export function memoryPlace(): AnchorPlace {
  let current: string | undefined
  const kept = new Map<string, string>()
  return {
    get: async () => current,
    set: async note => {
      current = note
    },
    keep: async (note, name) => void kept.set(name, note),
    kept: async () => [...kept.values()],
  }
}
