/** What a work waits for: several calls may wait at once, and a person reads all of it. */
export interface Waits {
  set(key: string, reason: string): void
  clear(key: string): void
}

export function createWaits(tell: (reason: string) => void): Waits {
  const reasons = new Map<string, string>()
  let told = ''
  const changed = () => {
    const reason = [...new Set(reasons.values())].join('; ')
    if (reason === told) return
    told = reason
    tell(reason.slice(0, 2_000))
  }
  return {
    set(key, reason) {
      reasons.set(key, reason)
      changed()
    },
    clear(key) {
      if (reasons.delete(key)) changed()
    },
  }
}
