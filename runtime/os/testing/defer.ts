/** A promise that the test resolves by hand. */
export function createDefer() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, resolve: () => resolve() }
}
