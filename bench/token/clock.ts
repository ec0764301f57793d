/** Milliseconds of the machine's clock, finer than `Date.now()`; a page of a browser is asked for the same. */
export const now = (): number => performance.timeOrigin + performance.now() + offset

/** What the origin is off by: some milliseconds pass between reading the two clocks that it is made of. */
const offset = offsetOf()

function offsetOf(): number {
  let before = Date.now()
  while (Date.now() === before);
  before = Date.now()
  return before - (performance.timeOrigin + performance.now())
}
