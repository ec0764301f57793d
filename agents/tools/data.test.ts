import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import { decideNeeds } from '../../runtime/policy/rules/decide.ts'
import { readDifferently } from './dialect.ts'
import { toolsOf } from './registry.ts'
import { type Bench, named, toolBench } from './testing/bench.ts'

let bench: Bench
beforeAll(async () => {
  bench = await toolBench('data')
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const tools = toolsOf('data', presets[1])
const use = (name: string, input: unknown) => bench.use(named(tools, name), input)

test('a CSV file is imported, queried with parameters, described and exported', async () => {
  await writeFile(
    join(bench.context.folder, 'sales.csv'),
    '\uFEFFday;item;euro\n1;"Bread; dark";2.5\n2;Cake;30\n3;"He said ""no""";\n4;007;7\n',
  )
  expect((await use('import_data', { path: 'sales.csv', table: 'sales' })).text).toContain('"rows": 4')
  const { text } = await use('sql', { statement: 'SELECT day, item, euro FROM sales WHERE day <= $1 ORDER BY day', values: [3] })
  expect(text).toBe('day | item | euro\n1 | Bread; dark | 2.5\n2 | Cake | 30\n3 | He said "no" | NULL\n(3 rows)')
  const described = JSON.parse((await use('analysis', { table: 'sales' })).text)
  expect(described.rows).toBe(4)
  expect(described.columns[2]).toMatchObject({ column: 'euro', values: 3, missing: 1, min: 2.5, max: 30, quantiles: { p50: 7 } })
  expect(described.columns[1]).not.toHaveProperty('mean')
  expect((await use('export', { query: 'SELECT item FROM sales', name: 'items', format: 'csv' })).text).toContain('4 rows')
  expect(await readFile(join(bench.context.workspace, 'exports', 'items.csv'), 'utf8')).toBe(
    'item\r\nBread; dark\r\nCake\r\n"He said ""no"""\r\n007\r\n',
  )
})

test('changes say how many rows, several statements run when none gives rows, and rows are bounded', async () => {
  const made = 'CREATE TABLE t (a integer); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)'
  expect((await use('sql', { statement: made })).text).toStartWith('done')
  expect((await use('sql', { statement: 'UPDATE t SET a = a + 1 WHERE a > $1', values: [0] })).text).toBe('done, 2 rows changed')
  expect((await use('sql', { statement: 'SELECT a FROM t; DROP TABLE t' })).text).toContain('one statement at a time')
  expect((await use('sql', { statement: 'SELECT a FROM t ORDER BY a', rows: 1 })).text).toBe(
    'a\n2\n(1 rows are shown, there are more)',
  )
  expect((await use('sql', { statement: 'SELECT nothing FROM t' })).outcome).toBe('failed')
})

test('a cell that a spreadsheet would run as a formula is exported as text', async () => {
  await use('sql', { statement: "CREATE TABLE f (a text); INSERT INTO f VALUES ('=cmd|calc'); INSERT INTO f VALUES ('-1')" })
  await use('export', { query: 'SELECT a FROM f', name: 'f', format: 'csv' })
  expect(await readFile(join(bench.context.workspace, 'exports', 'f.csv'), 'utf8')).toBe("a\r\n'=cmd|calc\r\n'-1\r\n")
})

test('what destroys is refused or asked for by the rules, also when it hides in a second statement or a WITH', async () => {
  const places = { workspace: bench.context.workspace, www: bench.home.www, projects: bench.home.projects, logs: bench.home.logs }
  const decided = async (statement: string) => {
    const tool = named(tools, 'sql')
    return (
      await decideNeeds(presets[1], await tool.needs(tool.input.parse({ statement }), bench.context), { agent: 'data', places })
    ).decision
  }
  expect(await decided('SELECT a FROM t')).toBe('allow')
  expect(await decided('DELETE FROM t WHERE a = 1')).toBe('allow')
  expect(await decided('DELETE FROM t')).toBe('deny')
  expect(await decided('WITH gone AS (DELETE FROM t RETURNING a) SELECT a FROM gone')).toBe('deny')
  expect(await decided('INSERT INTO t VALUES (1); DROP TABLE t')).toBe('ask')
  expect(await decided("ATTACH '/etc/passwd' AS x")).toBe('deny')
  expect(await decided('PRAGMA writable_schema = 1')).toBe('deny')
})

test('a statement that the two parsers would read differently does not pass its schema', () => {
  for (const statement of [
    'SELECT 1 /* /* */ ; DROP TABLE t; -- */',
    "SELECT E'\\'; DROP TABLE t; --'",
    'SELECT `a` FROM t',
    "SELECT [a'] FROM t; DROP TABLE t --]",
    'SELECT $$ ; DROP TABLE t; $$',
    "SELECT 'open",
  ])
    expect({ statement, why: readDifferently(statement) }).toEqual({ statement, why: expect.any(String) })
  for (const statement of ["SELECT 'it''s [fine] /* here */' AS \"a`b\"", 'SELECT $1 -- `note`', "SELECT ''"])
    expect({ statement, why: readDifferently(statement) }).toEqual({ statement, why: undefined })
})
