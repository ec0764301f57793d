import { ApplianceError } from '../../runtime/os/errors.ts'
import { type Correction, setKey, setOf } from './provider.ts'

/** A message succeeds or fails as a whole; where the server refuses one, its halves say which set it was. */
export async function changeApart(
  corrections: readonly Correction[],
  failures: Map<string, Error>,
  send: (batch: readonly Correction[]) => Promise<void>,
): Promise<void> {
  try {
    await send(corrections)
  } catch (error) {
    if (!(error instanceof ApplianceError) || error.kind === 'waiting') throw error
    const [only, second] = corrections
    if (only === undefined) return
    if (second === undefined) {
      failures.set(setKey(setOf(only)), error)
      return
    }
    const middle = corrections.length >> 1
    for (const half of [corrections.slice(0, middle), corrections.slice(middle)]) await changeApart(half, failures, send)
  }
}
