/** Looks every 100 ms until it holds; after `milliseconds` it is an error that names what was waited for. */
export async function until(what: string, milliseconds: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + milliseconds
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds / 1000} s for ${what}`)
    await Bun.sleep(100)
  }
}
