import { join } from 'node:path'
import { z } from 'zod'
import type { Need } from '../../runtime/policy/action.ts'
import { short, shown, tool } from './define.ts'
import { readDifferently } from './dialect.ts'
import type { SqlAnswer } from './inside/data.ts'
import { inside } from './inside.ts'
import { resolvePath, shownPath } from './paths.ts'
import { rowsText } from './rows.ts'
import type { Tool, ToolContext } from './tool.ts'

const database = z
  .string()
  .max(1_000)
  .optional()
  .describe('File of the SQLite database; default: the database of your workspace, cache/data.sqlite, which stays between tasks.')
const statementSchema = z
  .string()
  .min(1)
  .max(100_000)
  .superRefine((text, context) => {
    const message = readDifferently(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
const table = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'a name of letters, digits and _')
  .describe('Name of a table.')

const databaseOf = (path: string | undefined, context: ToolContext) =>
  path === undefined ? join(context.workspace, 'cache', 'data.sqlite') : resolvePath(path, context)

/** Every statement is read by the runtime with a real parser before it runs. */
const statementNeeds = (statement: string, path: string): readonly Need[] => [
  { kind: 'write', path },
  { kind: 'sql', statement, database: path },
]

const sql = tool({
  name: 'sql',
  description:
    'Runs SQL on a SQLite database in your workspace. Each statement is read beforehand by a parser with the grammar of PostgreSQL, so write what both understand; parameters are $1, $2. What gives rows is one statement at a time; several that give none may be sent together. DROP, ALTER and changes without WHERE may be refused or wait for a person.',
  input: z.strictObject({
    statement: statementSchema,
    values: z
      .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .max(500)
      .optional()
      .describe('For $1, $2, …'),
    database,
    rows: z.int().min(1).max(1_000).optional().describe('Most rows that are shown; default 100.'),
  }),
  title: ({ statement }) => short(statement),
  needs: ({ statement, database }, context) => statementNeeds(statement, databaseOf(database, context)),
  async execute({ statement, values = [], database, rows = 100 }, context) {
    const answer = await inside<SqlAnswer>(context, {
      ...{ op: 'sql', path: databaseOf(database, context), statement, values, most: rows },
    })
    return rowsText(answer)
  },
})

const importData = tool({
  name: 'import_data',
  description:
    'Fills a table from a CSV or JSON file; the table is made when it is not there. Numbers become numbers, empty fields NULL. Run again it adds the rows again: empty the table first, or import into another one.',
  input: z.strictObject({ path: z.string().min(1).max(1_000), table, database }),
  title: ({ path, table }) => `import ${short(path, 40)} into ${table}`,
  needs: ({ path, table, database }, context) => [
    { kind: 'read', path: resolvePath(path, context) },
    ...statementNeeds(`INSERT INTO ${table} VALUES (1)`, databaseOf(database, context)),
  ],
  async execute({ path, table, database }, context) {
    const source = resolvePath(path, context)
    return { content: shown(await inside(context, { op: 'import', path: databaseOf(database, context), source, table })) }
  },
})

const exportData = tool({
  name: 'export',
  description: 'Writes what a query gives into a CSV or JSON file of your exports folder, whole and without a limit of rows.',
  input: z.strictObject({
    query: statementSchema,
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a plain file name')
      .describe('File name without its ending.'),
    format: z.enum(['csv', 'json']),
    database,
  }),
  title: ({ name, format }) => `export ${name}.${format}`,
  needs: ({ query, database }, context) => statementNeeds(query, databaseOf(database, context)),
  async execute({ query, name, format, database }, context) {
    const target = join(context.workspace, 'exports', `${name}.${format}`)
    const { rows, bytes } = await inside<{ rows: number; bytes: number }>(context, {
      ...{ op: 'export', path: databaseOf(database, context), query, target, format },
    })
    return { content: `${rows} rows, ${bytes} bytes in ${shownPath(target, context)}` }
  },
})

const analysis = tool({
  name: 'analysis',
  description:
    'Describes every column of a table, or of a CSV or JSON file: how many values, missing and distinct ones, least and greatest, mean and quantiles of numbers, the most frequent. Look at this before you query.',
  input: z
    .strictObject({
      table: table.optional(),
      path: z.string().min(1).max(1_000).optional().describe('A CSV or JSON file.'),
      database,
    })
    .refine(({ table, path }) => (table === undefined) !== (path === undefined), 'give either table or path'),
  title: ({ table, path }) => `analyse ${short(table ?? path ?? '')}`,
  needs: ({ table, path, database }, context) =>
    path !== undefined
      ? [{ kind: 'read', path: resolvePath(path, context) }]
      : statementNeeds(`SELECT * FROM ${table}`, databaseOf(database, context)),
  async execute({ table, path, database }, context) {
    const source = path === undefined ? undefined : resolvePath(path, context)
    const found = await inside<{ rows: number }>(context, { op: 'describe', path: databaseOf(database, context), table, source })
    return { content: shown(found), summary: `${found.rows} rows` }
  },
})

export const dataTools: readonly Tool[] = [sql, importData, exportData, analysis]
