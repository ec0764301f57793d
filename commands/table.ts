/**
 * Columns aligned by spaces, two between each; the last column is not padded. Cells may be what strangers said: nothing in
 * them moves the cursor.
 */
export function table(given: readonly (readonly string[])[]): string[] {
  const rows = given.map(row => row.map(cell => cell.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, ' ')))
  const widths: number[] = []
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows.map(row =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** How long ago, in the largest fitting unit: `12 s`, `3 min`, `5 h`, `2 d`. */
export function ago(iso: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - new Date(iso).getTime()) / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
