/** One row of the table: what was measured, against which bound. */
export interface Figure {
  readonly name: string
  /** `×` for a ratio, else its unit. */
  readonly unit: string
  readonly value: number
  readonly bound: number
  readonly better: 'lower' | 'higher'
  /** The raw numbers behind it. */
  readonly detail: Readonly<Record<string, number>>
}

export const reached = (figure: Figure): boolean =>
  figure.better === 'lower' ? figure.value <= figure.bound : figure.value >= figure.bound

/** The Markdown table of docs/benchmarks.md. */
export function markdownTable(figures: readonly Figure[]): string[] {
  return ['| what | reached | bound | | raw |', '|---|---|---|---|---|', ...figures.map(row)]
}

function row(figure: Figure): string {
  const { name, unit, value, bound, better, detail } = figure
  const raw = Object.entries(detail).map(([what, number]) => `${what} ${shown(number)}`)
  const limit = `${better === 'lower' ? '≤' : '≥'} ${shown(bound)} ${unit}`
  return `| ${name} | ${shown(value)} ${unit} | ${limit} | ${reached(figure) ? 'yes' : '**no**'} | ${raw.join(', ')} |`
}

export const jsonLine = (figure: Figure): string => JSON.stringify({ ...figure, reached: reached(figure) })

const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : value < 10 ? value.toFixed(2) : value.toFixed(1)

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[middle - 1] ?? Number.NaN, sorted[middle] ?? Number.NaN]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

export const percentile99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
