/**
 * Why a statement might mean one thing to the parser that judges it (PostgreSQL's) and another to the database that runs it
 * (SQLite): nested comments, other quotes, texts with escapes. Undefined when both read the same.
 */
export function readDifferently(statement: string): string | undefined {
  const literals = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*/g
  for (const match of statement.matchAll(literals)) {
    const before = statement[match.index - 1] ?? ' '
    if (match[0].startsWith("'") && /[\w&]/.test(before)) return "write texts as '…', without a letter before the quote"
  }
  const bare = statement.replace(literals, ' ')
  if (bare.includes('/*')) return 'leave out comments of the kind /* … */; -- to the end of the line is fine'
  if (/[`[\]\\]/.test(bare)) return 'write names plainly or in double quotes; no backticks, brackets or backslashes'
  if (/\$(?!\d)/.test(bare)) return 'write parameters as $1, $2, and texts in single quotes'
  return /['"]/.test(bare) ? 'a quote does not end' : undefined
}
