import type { ToolCall } from './entries.ts'

export interface Repetition {
  /** For the calls of one turn, which of them are one too many. `ended`: the model was told before and did it again. */
  look(calls: readonly ToolCall[]): { readonly tooMany: ReadonlySet<string>; readonly ended: string | undefined }
}

/** Identical calls in a row, turn after turn, the last of which is not made. */
export const mostIdenticalCalls = 5

/** Sees a model that makes one identical call again and again, alone or together with others. */
export function createRepetition(): Repetition {
  let streaks: ReadonlyMap<string, number> = new Map()
  let told: ReadonlySet<string> = new Set()
  return {
    look(calls) {
      const current = new Map<string, number>()
      const tooMany = new Set<string>()
      const telling = new Set<string>()
      let ended: string | undefined
      for (const call of calls) {
        const key = JSON.stringify([call.tool, call.input])
        const streak = (current.get(key) ?? streaks.get(key) ?? 0) + 1
        current.set(key, streak)
        if (streak < mostIdenticalCalls) continue
        if (told.has(key)) ended ??= call.tool
        tooMany.add(call.id)
        telling.add(key)
      }
      streaks = current
      told = telling
      return { tooMany, ended }
    },
  }
}
