/** Looks again and again until it holds, and gives what it found; after the deadline it is an error that says what was waited for. */
export async function until<T>(what: string, look: () => Promise<T> | T, milliseconds = 30_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + milliseconds
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds / 1_000} s in vain: ${what}`)
    await Bun.sleep(25)
  }
}
