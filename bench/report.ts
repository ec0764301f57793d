/** One row of the table: what was measured, against which bound. */
export interface Figure {
  readonly name: string
  /** What the figure is a ratio to, or its unit. */
  readonly unit: string
  readonly value: number
  readonly bound: number
  readonly better: 'lower' | 'higher'
  /** The raw numbers behind it. */
  readonly detail: Readonly<Record<string, number | string>>
}

export const reached = (figure: Figure): boolean =>
  figure.better === 'lower' ? figure.value <= figure.bound : figure.value >= figure.bound

/** The Markdown table of docs/benchmarks.md. */
export function markdownTable(figures: readonly Figure[]): string[] {
  return [
    '| what | reached | bound | | raw |',
    '|---|---|---|---|---|',
    ...figures.map(figure => {
      const sign = figure.better === 'lower' ? '≤' : '≥'
      const raw = Object.entries(figure.detail).map(
        ([name, value]) => `${name} ${typeof value === 'number' ? shown(value) : value}`,
      )
      return `| ${figure.name} | ${shown(figure.value)} ${figure.unit} | ${sign} ${shown(figure.bound)} ${figure.unit} | ${reached(figure) ? 'yes' : '**no**'} | ${raw.join(', ')} |`
    }),
  ]
}

const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : value < 10 ? value.toFixed(2) : value.toFixed(1)

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}
