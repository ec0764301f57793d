import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { systemCode } from '../os/errors.ts'

/** A pool of connections to Postgres, or a transaction of it. */
export type Store = postgres.Sql

/** Where Postgres is: `DATABASE_URL` when set, else our own over its Unix socket. */
export type StoreAddress = { readonly url: string } | { readonly socketFolder: string; readonly database: string }

export const openStore = (address: StoreAddress): Store => connect(address, { max: 6, idle_timeout: 60 })

/**
 * A small pool for a room whose few statements run thousands of times and find their rows by index whatever the parameters
 * are: they are planned once, and never as walks through tables that were small when they were planned.
 */
export const openPlannedStore = (address: StoreAddress): Store =>
  connect(address, { max: 3, idle_timeout: 60, connection: byIndexOnly })

const byIndexOnly = {
  ...{ plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' },
} as const

/** One connection that stays until it is ended. */
export const openConnection = (address: StoreAddress): Store => connect(address, { max: 1, idle_timeout: 0, max_lifetime: null })

function connect(
  address: StoreAddress,
  limits: {
    readonly max: number
    readonly idle_timeout: number
    readonly max_lifetime?: null
    readonly connection?: Readonly<Record<string, string>>
  },
): Store {
  const options = { ...limits, connect_timeout: 10, onnotice: () => {} }
  if ('url' in address) return postgres(address.url, options)
  return postgres({ ...options, host: address.socketFolder, port: 5432, database: address.database, username: 'ai_infra' })
}

/** Codes of the driver for a connection that is not there, and of a server that starts or stops. */
const awayCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'],
  ...['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT'],
  ...['57P01', '57P02', '57P03'],
])

/** Whether a query failed because the server does not answer just now, and not because of the query. */
export function isStoreAway(error: unknown): boolean {
  const code = systemCode(error) ?? ''
  if (code === 'ENOENT') return typeof error === 'object' && error !== null && 'syscall' in error && error.syscall === 'connect'
  return awayCodes.has(code)
}

/**
 * Brings the tables up to date: every file of `migrations/` in the order of its name, once, each in a transaction of its
 * own. Two appliances on one database wait for each other.
 */
export async function migrate(store: Store, folder = join(import.meta.dir, 'migrations')): Promise<void> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()
  await store`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
  for (const name of names) {
    const statements = await readFile(join(folder, name), 'utf8')
    await store.begin(async transaction => {
      await transaction`SELECT pg_advisory_xact_lock(727001)`
      const done = await transaction`SELECT 1 FROM migrations WHERE name = ${name}`
      if (done.length > 0) return
      await transaction.unsafe(statements)
      await transaction`INSERT INTO migrations (name) VALUES (${name})`
    })
  }
}
