/** Resolves as soon as it is true; fails when it is not within a minute. */
export async function untilTrue(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`it never held: ${holds}`)
    await Bun.sleep(5)
  }
}
