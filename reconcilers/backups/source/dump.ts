import { join } from 'node:path'
import { minimalEnvironment } from '../../../runtime/os/spawn.ts'
import type { PairedCommand } from '../../../runtime/os/spawn-pair.ts'
import type { PostgresProgram } from '../../../runtime/services/postgres-program.ts'
import { openConnection, type StoreAddress } from '../../../runtime/store/store.ts'
import type { Manifest } from './manifest.ts'
import { digestTables } from './tables.ts'

/** One moment of the database, which the dump and the digests both show. */
export interface Moment {
  readonly at: Date
  /** Not compressed: restic finds what has not changed, and compresses by itself. */
  readonly command: PairedCommand
  tables(): Promise<NonNullable<Manifest['postgres']>['tables']>
}

/** Holds one moment of the database for as long as `use` takes. */
export async function withMoment<Result>(
  address: StoreAddress,
  program: PostgresProgram,
  use: (moment: Moment) => Promise<Result>,
): Promise<Result> {
  const connection = openConnection(address)
  try {
    let result: { readonly value: Result } | undefined
    await connection.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async transaction => {
      const [row] = await transaction<{ id: string; at: Date }[]>`SELECT pg_export_snapshot() AS id, now() AS at`
      if (row === undefined) throw new Error('Postgres exported no snapshot')
      const command = { argv: dumpCommand(program, row.id), env: dumpEnvironment(address) }
      result = { value: await use({ at: row.at, command, tables: () => digestTables(transaction) }) }
    })
    if (result === undefined) throw new Error('the moment of the database was not used')
    return result.value
  } finally {
    await connection.end({ timeout: 5 })
  }
}

const dumpCommand = ({ folder }: PostgresProgram, snapshot: string): string[] => [
  ...['/usr/bin/setpriv', '--pdeathsig', 'KILL', join(folder, 'pg_dump')],
  ...['--format=custom', '--compress=0', '--no-password', `--snapshot=${snapshot}`],
]

export const loadCommand = ({ folder }: PostgresProgram): string[] => [
  ...['/usr/bin/setpriv', '--pdeathsig', 'KILL', join(folder, 'pg_restore')],
  ...['--no-owner', '--no-privileges', '--exit-on-error', '--no-password', '--dbname=ai_infrastructure'],
]

/** Where the database is, as libpq reads it: no password in a command line. */
export function dumpEnvironment(address: StoreAddress): Record<string, string> {
  if (!('url' in address))
    return {
      ...minimalEnvironment,
      PGHOST: address.socketFolder,
      PGPORT: '5432',
      PGDATABASE: address.database,
      PGUSER: 'ai_infra',
    }
  const url = new URL(address.url)
  const given = (name: string, value: string) => (value === '' ? {} : { [name]: decodeURIComponent(value) })
  return {
    ...minimalEnvironment,
    ...given('PGHOST', url.hostname.replace(/^\[|\]$/g, '')),
    ...given('PGPORT', url.port),
    ...given('PGDATABASE', url.pathname.replace(/^\//, '')),
    ...given('PGUSER', url.username),
    ...given('PGPASSWORD', url.password),
    ...given('PGSSLMODE', url.searchParams.get('sslmode') ?? ''),
  }
}
