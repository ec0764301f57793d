/**
 * Looks again and again until it holds, and gives what it found; after the deadline it is an error that says what was waited
 * for. It looks soon at first and then less often: the API answers 600 requests of one caller a minute.
 */
export async function until<T>(what: string, look: () => Promise<T> | T, milliseconds = 60_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + milliseconds
  for (let pause = 25; ; pause = Math.min(pause * 1.2, 200)) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds / 1_000} s in vain: ${what}`)
    await Bun.sleep(pause)
  }
}
