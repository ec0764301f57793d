import type { ToolCall } from './entries.ts'

export interface Repetition {
  /** For the calls of one turn, in their order, whether each is one too many. `ended`: it was told before and did it again. */
  look(calls: readonly ToolCall[]): { readonly tooMany: ReadonlySet<string>; readonly ended: string | undefined }
}

/** Identical calls in a row, the last of which is not made. */
export const mostIdenticalCalls = 5

/** Sees a model that makes one identical call again and again. */
export function createRepetition(): Repetition {
  let last = ''
  let streak = 0
  let told = false
  return {
    look(calls) {
      const tooMany = new Set<string>()
      const toldBefore = told
      for (const call of calls) {
        const key = JSON.stringify([call.tool, call.input])
        streak = key === last ? streak + 1 : 1
        if (key !== last) told = false
        last = key
        if (streak < mostIdenticalCalls) continue
        if (toldBefore && told) return { tooMany, ended: call.tool }
        tooMany.add(call.id)
        told = true
      }
      return { tooMany, ended: undefined }
    },
  }
}
