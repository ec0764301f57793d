import { judgeLine, type Link } from './line.ts'
import { linesOf, segmentsIn } from './segments.ts'

/** Whether the chain holds this very line. Reads the newest segments first. */
export async function hasLine(folder: string, { sequence, hash }: Link): Promise<boolean> {
  if (sequence === 0) return true
  for (const { path, first } of (await segmentsIn(folder)).toReversed()) {
    if (first !== undefined && first > sequence) continue
    for await (const batch of linesOf(path)) {
      for (const { bytes } of batch) {
        const link = judgeLine(bytes)?.link
        if (link?.sequence === sequence) return link.hash === hash
      }
    }
  }
  return false
}
