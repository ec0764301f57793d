/** Runs promises to the user one after the other and prints each; the first that is broken ends the run. */
export class Steps {
  kept = 0
  broken = 0

  async promise(name: string, keep: () => Promise<string | undefined> | Promise<void>): Promise<void> {
    const started = performance.now()
    const time = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
    try {
      const detail = await keep()
      this.kept++
      console.log(`  ✓ ${name} (${time()})${detail ? `: ${detail}` : ''}`)
    } catch (error) {
      this.broken++
      console.log(`  ✗ ${name} (${time()})`)
      console.log(String(error instanceof Error ? error.message : error).replace(/^/gm, '      '))
      throw error
    }
  }
}

/** Fails with both values in the message. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!Bun.deepEquals(actual, expected))
    throw new Error(`${what}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`)
}

export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}
