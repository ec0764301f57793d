/** One thing that a statement does, and every name under which rules mean it; the first is the plainest. */
export type SqlOperation = readonly [string, ...string[]]

export type SqlReading = { readonly operations: readonly SqlOperation[] } | { readonly problem: string }

const longestStatement = 1_000_000

/** Everything that a text of SQL does, also in common table expressions, subqueries and later statements. */
export async function readSql(text: string): Promise<SqlReading> {
  if (text.length > longestStatement)
    return { problem: `it has ${text.length} characters, and at most ${longestStatement} are read` }
  if (text.includes('\0')) return { problem: 'it contains a NUL' }
  try {
    const { parse } = await import('libpg-query')
    const tree: unknown = await parse(text)
    const operations: SqlOperation[] = []
    visit(tree, operations)
    return { operations }
  } catch (error) {
    return { problem: `Postgres could not read it: ${error instanceof Error ? error.message : String(error)}` }
  }
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

function visit(node: unknown, found: SqlOperation[]): void {
  if (Array.isArray(node)) {
    for (const one of node) visit(one, found)
    return
  }
  if (!isFields(node)) return
  for (const [key, value] of Object.entries(node)) {
    // A set operation holds its sides without naming their type.
    if ((key === 'larg' || key === 'rarg') && isFields(value) && 'op' in value) found.push(...operationsOf('SelectStmt', value))
    if (isFields(value) && key.endsWith('Stmt') && key !== 'RawStmt') found.push(...operationsOf(key, value))
    if (key === 'intoClause' && value !== undefined) found.push(['CREATE TABLE', 'SELECT INTO'])
    if (key === 'lockingClause') found.push(['SELECT FOR UPDATE', 'UPDATE'])
    if (key === 'FuncCall' && isFields(value)) found.push(...reachingFunction(value))
    visit(value, found)
  }
}

function operationsOf(type: string, node: Fields): SqlOperation[] {
  switch (type) {
    case 'TransactionStmt':
    case 'ExplainStmt':
    case 'PLAssignStmt':
      return []
    case 'SelectStmt':
    case 'VariableShowStmt':
      return [['SELECT']]
    case 'DeleteStmt':
      return [narrows(node.whereClause) ? ['DELETE', 'DELETE FROM'] : ['DELETE without WHERE', 'DELETE', 'DELETE FROM']]
    case 'UpdateStmt':
      return [narrows(node.whereClause) ? ['UPDATE'] : ['UPDATE without WHERE', 'UPDATE']]
    case 'CopyStmt':
      return copy(node)
    case 'DropStmt':
      return [withKind('DROP', node.removeType)]
    case 'AlterTableStmt':
      return [withKind('ALTER', node.objtype)]
    case 'RenameStmt':
    case 'AlterOwnerStmt':
    case 'AlterObjectSchemaStmt':
      return [withKind('ALTER', node.relationType === 'OBJECT_TABLE' ? 'OBJECT_TABLE' : (node.renameType ?? node.objectType))]
    case 'CreateTableAsStmt':
      return [withKind('CREATE', node.objtype)]
    case 'GrantStmt':
    case 'GrantRoleStmt':
      return [[node.is_grant === true ? 'GRANT' : 'REVOKE']]
    default:
      return [[names[type] ?? plainName(type)]]
  }
}

/** Where Postgres' own name is not that of the statement. */
const names: Readonly<Record<string, string>> = {
  CreateStmt: 'CREATE TABLE',
  CreateForeignTableStmt: 'CREATE FOREIGN TABLE',
  IndexStmt: 'CREATE INDEX',
  ViewStmt: 'CREATE VIEW',
  RuleStmt: 'CREATE RULE',
  CreatedbStmt: 'CREATE DATABASE',
  DropdbStmt: 'DROP DATABASE',
  AlterDatabaseSetStmt: 'ALTER DATABASE',
  CreateTrigStmt: 'CREATE TRIGGER',
  CreateSeqStmt: 'CREATE SEQUENCE',
  AlterSeqStmt: 'ALTER SEQUENCE',
  AlterRoleSetStmt: 'ALTER ROLE',
  CreateFdwStmt: 'CREATE FOREIGN DATA WRAPPER',
  CreatePLangStmt: 'CREATE LANGUAGE',
  RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW',
  VariableSetStmt: 'SET',
  DeclareCursorStmt: 'DECLARE',
  ClosePortalStmt: 'CLOSE',
  CheckPointStmt: 'CHECKPOINT',
}

/** `AlterSystemStmt` is `ALTER SYSTEM`. */
const plainName = (type: string) =>
  type
    .replace(/Stmt$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase()

const withKind = (verb: string, kind: unknown): SqlOperation => [
  `${verb} ${
    typeof kind === 'string'
      ? kind
          .replace(/^OBJECT_/, '')
          .replaceAll('_', ' ')
          .replace(/^MATVIEW$/, 'MATERIALIZED VIEW')
      : 'SOMETHING'
  }`,
]

function copy(node: Fields): SqlOperation[] {
  const into = node.is_from === true
  const found: SqlOperation[] = [into ? ['COPY FROM', 'COPY'] : ['COPY TO', 'COPY']]
  if (node.is_program === true) found.push(['COPY PROGRAM'])
  else if (typeof node.filename === 'string') found.push(['COPY FILE'])
  return found
}

/** A condition that names no column leaves nothing out: `WHERE true`, `WHERE 1 = 1`. */
const narrows = (where: unknown): boolean => where !== undefined && mentionsColumn(where)

function mentionsColumn(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(mentionsColumn)
  if (!isFields(node)) return false
  return Object.entries(node).some(([key, value]) => key === 'ColumnRef' || key === 'CurrentOfExpr' || mentionsColumn(value))
}

/** Functions that reach files, other sessions, other servers, or run text as SQL: a SELECT in form only. */
const reaching =
  /^(pg_read_.*|pg_ls_.*|pg_stat_file|pg_file_.*|lo_.*|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal|pg_create_.*|pg_drop_.*|pg_logical_.*|pg_replication_.*|pg_import_.*|pg_execute_.*|set_config|dblink.*|.*_to_xml.*|pg_sleep.*|xpath_table|pg_log_.*|pg_signal_.*)$/

function reachingFunction(call: Fields): SqlOperation[] {
  const parts = Array.isArray(call.funcname) ? call.funcname : []
  const last: unknown = parts.at(-1)
  const text = isFields(last) && isFields(last.String) ? last.String.sval : undefined
  return typeof text === 'string' && reaching.test(text) ? [[`FUNCTION ${text}`]] : []
}
