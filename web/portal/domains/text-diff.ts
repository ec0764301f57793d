const around = 3
/** Cells of the table that finds the longest common part; beyond, the middle is shown as taken out and put in. */
const mostCells = 4_000_000

interface Line {
  readonly mark: ' ' | '+' | '-'
  readonly text: string
}

/** Unified diff of two texts; empty when they are the same. */
export function textDiff(path: string, before: string, after: string): string {
  if (before === after) return ''
  const lines = compare(split(before), split(after))
  const hunks = hunksOf(lines)
  return [`--- a/${path}`, `+++ b/${path}`, ...hunks].join('\n')
}

const split = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

function compare(before: readonly string[], after: readonly string[]): Line[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  const most = Math.min(before.length, after.length) - head
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const same = (text: string): Line => ({ mark: ' ', text })
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ]
}

function middle(before: readonly string[], after: readonly string[]): Line[] {
  const cut = (text: string): Line => ({ mark: '-', text })
  const add = (text: string): Line => ({ mark: '+', text })
  if (before.length * after.length > mostCells) return [...before.map(cut), ...after.map(add)]
  const common = commonLengths(before, after)
  const at = (row: number, column: number) => common[row * (after.length + 1) + column] ?? 0
  const lines: Line[] = []
  let [row, column] = [0, 0]
  while (row < before.length || column < after.length) {
    const [old, fresh] = [before[row], after[column]]
    if (old !== undefined && old === fresh) {
      lines.push({ mark: ' ', text: old })
      row++
      column++
    } else if (old !== undefined && (fresh === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(cut(old))
      row++
    } else if (fresh !== undefined) {
      lines.push(add(fresh))
      column++
    }
  }
  return lines
}

/** Length of the longest common part of what follows, for each pair of places. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array {
  const width = after.length + 1
  const common = new Uint32Array((before.length + 1) * width)
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      const below = common[(row + 1) * width + column] ?? 0
      const right = common[row * width + column + 1] ?? 0
      const next = common[(row + 1) * width + column + 1] ?? 0
      common[row * width + column] = before[row] === after[column] ? next + 1 : Math.max(below, right)
    }
  }
  return common
}

function hunksOf(lines: readonly Line[]): string[] {
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - around), at + around + 1).some(line => line.mark !== ' '))
  const result: string[] = []
  let [old, fresh] = [1, 1]
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]
    if (line === undefined) break
    if (near[at]) {
      if (!near[at - 1]) result.push(`@@ -${old} +${fresh} @@`)
      result.push(`${line.mark}${line.text}`)
    }
    if (line.mark !== '+') old++
    if (line.mark !== '-') fresh++
  }
  return result
}
