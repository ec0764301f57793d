import type { TransactionSql } from 'postgres'
import type { Manifest } from './manifest.ts'

type Tables = NonNullable<Manifest['postgres']>['tables']

/**
 * Rows of every table and a digest of all of them, whatever their order. Two databases with the same digests hold the
 * same; only between the same major versions of Postgres.
 */
export async function digestTables(store: TransactionSql): Promise<Tables> {
  const tables = await store<{ schema: string; name: string }[]>`
    SELECT schemaname AS schema, tablename AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE 'pg\\_temp%' ORDER BY 1, 2`
  await store`SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true), set_config('extra_float_digits', '1', true)`
  const found: Tables = {}
  for (const { schema, name } of tables) {
    const [row] = await store<{ rows: string; digest: string }[]>`
      SELECT count(*)::text AS rows, coalesce(sum(hashtextextended(each::text, 0)::numeric), 0)::text AS digest
      FROM ${store(schema)}.${store(name)} AS each`
    if (row !== undefined) found[`${schema}.${name}`] = { rows: row.rows, digest: row.digest }
  }
  return found
}

/** What differs, for a person; empty when nothing does. */
export function differencesOf(wanted: Tables, found: Tables): string[] {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].sort()
  return names.flatMap(name => {
    const [before, after] = [wanted[name], found[name]]
    if (before === undefined) return [`the table ${name} was not there`]
    if (after === undefined) return [`the table ${name} is missing`]
    if (before.rows !== after.rows) return [`${name} has ${after.rows} rows, and had ${before.rows}`]
    return before.digest === after.digest ? [] : [`rows of ${name} differ`]
  })
}
