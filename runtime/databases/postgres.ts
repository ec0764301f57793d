import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import postgres from 'postgres'
import type { AgentPolicy, DatabaseDeclaration } from '../../desired-state/state.ts'
import { ApplianceError } from '../os/errors.ts'
import { isAddress } from '../policy/net-addresses.ts'
import { egressRules } from '../sandbox/egress/rules.ts'

/** One statement for a database elsewhere. */
export interface Query {
  readonly statement: string
  /** For $1, $2, … */
  readonly values: readonly (string | number | boolean | null)[]
  /** Most rows that are given back. */
  readonly rows: number
  /** Whether it may change anything; without, the server itself refuses that. */
  readonly writes: boolean
}

export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  /** There were more than asked for. */
  readonly more: boolean
  /** Rows that a change touched. */
  readonly changes: number
}

/** Milliseconds. */
const statementTimeout = 30_000
const longestCell = 2_000
const mostCharacters = 120_000

/**
 * Runs one statement on a connection of its own. The host is resolved once, every address is judged by the rules of
 * network.yaml, and that address is dialled. Without `writes` it runs in a transaction that only reads.
 */
export async function queryDatabase(
  database: DatabaseDeclaration,
  password: string,
  policy: AgentPolicy,
  query: Query,
  signal: AbortSignal,
): Promise<Rows> {
  const address = await addressOf(database, policy)
  signal.throwIfAborted()
  const sql = postgres({
    ...{ host: address, port: database.port, database: database.database, user: database.user, password },
    ...{ max: 1, idle_timeout: 1, connect_timeout: 10, fetch_types: false, prepare: false, onnotice: () => {} },
    ssl: database.tls === 'none' ? false : { rejectUnauthorized: true, servername: database.host },
    connection: {
      application_name: 'ai-infra',
      statement_timeout: statementTimeout,
      lock_timeout: 5_000,
      idle_in_transaction_session_timeout: statementTimeout,
      ...(query.writes ? {} : { default_transaction_read_only: true }),
    },
  })
  const stop = () => void sql.end({ timeout: 0 })
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await sql.begin(query.writes ? 'read write' : 'read only', async transaction => {
      // From here on the transaction cannot be made one that writes.
      await transaction`select 1`
      return await run(transaction, query)
    })
  } catch (error) {
    signal.throwIfAborted()
    throw new ApplianceError('failed', `${database.name}: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    signal.removeEventListener('abort', stop)
    await sql.end({ timeout: 1 })
  }
}

async function run(transaction: postgres.TransactionSql, { statement, values, rows: most, writes }: Query): Promise<Rows> {
  const pending = transaction.unsafe(statement, [...values])
  if (writes) return shownRows(await pending, most)
  const first = await firstBatch(pending, most + 1)
  return first === undefined ? { columns: [], rows: [], more: false, changes: 0 } : shownRows(first, most)
}

/** A cursor: of a million rows, only these cross the network. */
async function firstBatch(pending: { cursor(rows: number): AsyncIterable<Found> }, count: number): Promise<Found | undefined> {
  for await (const batch of pending.cursor(count)) return batch
  return undefined
}

interface Found extends ReadonlyArray<postgres.Row> {
  readonly columns?: readonly { readonly name: string }[]
  readonly count?: number
}

function shownRows(found: Found, most: number): Rows {
  const columns = (found.columns ?? []).map(column => column.name)
  let left = mostCharacters
  const rows: unknown[][] = []
  for (const row of found.slice(0, most)) {
    const cells = columns.map(column => cell(row[column]))
    left -= JSON.stringify(cells).length
    if (left < 0) break
    rows.push(cells)
  }
  return { columns, rows, more: rows.length < found.length, changes: columns.length === 0 ? (found.count ?? 0) : 0 }
}

function cell(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`
  const plain = typeof value === 'object' && value !== null ? JSON.stringify(value) : value
  return typeof plain === 'string' && plain.length > longestCell ? `${plain.slice(0, longestCell)}…` : plain
}

async function addressOf({ name, host, port }: DatabaseDeclaration, policy: AgentPolicy): Promise<string> {
  const { allow, deny } = policy.net
  const unlimited = { requestsPerMinute: 1, maxConnections: 1, downloadBytes: undefined }
  const rules = egressRules({ allow, deny, ...unlimited }, ownAddresses)
  const refused = (reason: string) => new ApplianceError('invalid', `${name} cannot be reached: ${reason}`)
  const named = rules.name(host, port)
  if ('refused' in named) throw refused(named.refused)
  const found = isAddress(named.host) ? [named.host] : await resolved(named.host)
  const [address] = found
  if (address === undefined) throw refused(`${host} has no address`)
  const bad = found.map(one => rules.address(named.host, one, port)).find(reason => reason !== undefined)
  if (bad !== undefined) throw refused(bad)
  return address
}

const resolved = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address)

const ownAddresses = () => Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(one => one.address))
