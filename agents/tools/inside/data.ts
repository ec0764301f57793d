import { Database } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { readText, write } from './files.ts'
import { parseTable, tableText, type Value } from './table.ts'

export interface SqlAnswer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  /** There were more rows than asked for. */
  readonly more: boolean
  readonly changes: number
}

/** Rows that an export may have; it is made in memory. */
const mostExported = 1_000_000

export function open(path: string): Database {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  const database = new Database(path, { create: true, safeIntegers: false })
  database.run('PRAGMA foreign_keys = ON')
  database.run('PRAGMA trusted_schema = OFF')
  return database
}

export function sql(path: string, statement: string, values: readonly Value[], most: number): SqlAnswer {
  using database = open(path)
  const prepared = database.prepare<unknown, Record<string, Value>>(statement)
  if (prepared.columnNames.length === 0) {
    const changes = values.length === 0 ? database.run(statement).changes : prepared.run(named(values)).changes
    return { columns: [], rows: [], more: false, changes }
  }
  if (hasSecondStatement(statement)) throw new Error('one statement at a time when it gives rows: send the others apart')
  const rows: unknown[][] = []
  for (const row of prepared.values(named(values))) {
    if (rows.length === most) return { columns: prepared.columnNames, rows, more: true, changes: 0 }
    rows.push(row.map(shownValue))
  }
  return { columns: prepared.columnNames, rows, more: false, changes: 0 }
}

const named = (values: readonly Value[]): Record<string, Value> =>
  Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value]))

const shownValue = (value: unknown): unknown => (value instanceof Uint8Array ? `(${value.byteLength} bytes)` : value)

/** Anything but space after a `;` that stands outside of text, names and comments. */
export function hasSecondStatement(statement: string): boolean {
  const bare = statement.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
  return /;\s*\S/.test(bare)
}

export function exportRows(path: string, query: string, target: string, format: 'csv' | 'json'): { rows: number; bytes: number } {
  const { columns, rows, more } = sql(path, query, [], mostExported)
  if (columns.length === 0) throw new Error('the statement gives no rows')
  if (more) throw new Error(`it gives more than ${mostExported} rows: export it in parts`)
  return { rows: rows.length, bytes: write(target, tableText(columns, rows, format)).bytes }
}

/** Fills a table, which is made when it is not there, from a file with a line or an object for each row. */
export function importRows(path: string, source: string, table: string): { rows: number; columns: readonly string[] } {
  const { columns, rows } = parseTable(readText(source), source)
  using database = open(path)
  fill(database, table, columns, rows)
  return { rows: rows.length, columns }
}

function fill(database: Database, table: string, columns: readonly string[], rows: readonly (readonly Value[])[]): void {
  const names = columns.map(quoted).join(', ')
  database.run(`CREATE TABLE IF NOT EXISTS ${quoted(table)} (${names})`)
  const insert = database.prepare(`INSERT INTO ${quoted(table)} (${names}) VALUES (${columns.map(() => '?').join(', ')})`)
  database.transaction(() => {
    for (const row of rows) insert.run(...columns.map((_, index) => row[index] ?? null))
  })()
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

export interface ColumnFacts {
  readonly column: string
  readonly values: number
  readonly missing: number
  readonly distinct: number
  readonly min: unknown
  readonly max: unknown
  /** Of columns that hold numbers only. */
  readonly mean?: number
  readonly quantiles?: { readonly p25: number; readonly p50: number; readonly p75: number; readonly p95: number }
  /** The most frequent values with their counts. */
  readonly most: readonly (readonly [unknown, number])[]
}

/** What each column of a table or of a file holds. */
export function describe(
  path: string,
  table: string | undefined,
  source: string | undefined,
): { rows: number; columns: ColumnFacts[] } {
  using database = open(source === undefined ? path : ':memory:')
  const name = table ?? 'file'
  if (source !== undefined) {
    const { columns, rows } = parseTable(readText(source), source)
    fill(database, name, columns, rows)
  }
  const from = quoted(name)
  const columns = database.query<{ name: string }, [string]>('SELECT name FROM pragma_table_info(?)').all(name)
  if (columns.length === 0) throw new Error(`there is no table ${name}`)
  const rows = Number(database.query(`SELECT count(*) FROM ${from}`).values()[0]?.[0] ?? 0)
  return { rows, columns: columns.slice(0, 100).map(column => factsOf(database, from, column.name)) }
}

function factsOf(database: Database, from: string, name: string): ColumnFacts {
  const column = quoted(name)
  const one = (text: string) => database.query(`SELECT ${text} FROM ${from} WHERE ${column} IS NOT NULL`).values()[0] ?? []
  const [values, distinct, min, max, numbers, mean] = one(
    `count(*), count(DISTINCT ${column}), min(${column}), max(${column}),
     sum(typeof(${column}) IN ('integer', 'real')), avg(${column})`,
  )
  const missing = Number(database.query(`SELECT count(*) FROM ${from} WHERE ${column} IS NULL`).values()[0]?.[0] ?? 0)
  const frequent = database
    .query(`SELECT ${column}, count(*) AS n FROM ${from} WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT 3`)
    .values()
  const count = Number(values)
  const numeric = count > 0 && Number(numbers) === count
  const at = (part: number) => {
    const offset = Math.min(Math.floor(part * count), count - 1)
    const sorted = `SELECT ${column} FROM ${from} WHERE ${column} IS NOT NULL ORDER BY 1 LIMIT 1 OFFSET ${offset}`
    return Number(database.query(sorted).values()[0]?.[0])
  }
  return {
    ...{ column: name, values: count, missing, distinct: Number(distinct), min: shownValue(min), max: shownValue(max) },
    ...(numeric ? { mean: Number(mean), quantiles: { p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) } } : {}),
    most: frequent.map(([value, n]) => [shownValue(value), Number(n)] as const),
  }
}
