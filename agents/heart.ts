export interface HeartDeps {
  /** Tells the runtime how things stand; gives the version of the briefing that counts now. */
  readonly send: () => Promise<string>
  /** The version that this process goes by. */
  readonly version: () => string
  readonly rebrief: () => Promise<void>
  /** Whether the runtime hears; told only when that changes. */
  readonly heard: (yes: boolean) => void
  readonly sleep: (milliseconds: number) => Promise<void>
}

const retryInterval = 500

/** Gives a function that beats soon: calls while a beat is under way become one more. An unheard beat is tried again. */
export function createHeart({ send, version, rebrief, heard, sleep }: HeartDeps): () => void {
  let beating = false
  let again = false
  let reached = true
  const tell = (yes: boolean) => {
    if (yes !== reached) heard(yes)
    reached = yes
  }
  const run = async () => {
    beating = true
    while (again) {
      again = false
      try {
        const current = await send()
        tell(true)
        if (current === version()) continue
        await rebrief()
        again = true
      } catch {
        tell(false)
        again = true
        await sleep(retryInterval)
      }
    }
    beating = false
  }
  return () => {
    again = true
    if (!beating) void run()
  }
}
