import { join } from 'node:path'
import type { Home } from '../os/home.ts'
import { minimalEnvironment, type Spawn, spawn } from '../os/spawn.ts'
import { preparePostgres } from './postgres-data.ts'
import type { PostgresProgram } from './postgres-program.ts'
import { postgresAnswers } from './probes.ts'
import type { Service } from './service.ts'

/** Our own Postgres: a Unix socket in a 0700 folder, no TCP, small, durable. */
export function postgresService(home: Home, program: PostgresProgram, run: Spawn = spawn): Service {
  return {
    name: 'postgres',
    argv: postgresArguments(home, program),
    env: { ...minimalEnvironment, TZ: 'UTC' },
    cwd: home.root,
    listens: [{ socket: join(home.postgresSockets, '.s.PGSQL.5432') }],
    prepare: () => preparePostgres(home, program, run),
    ready: signal => postgresAnswers({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' }, signal),
    stopSignal: 'SIGINT',
    stopTimeout: 20_000,
  }
}

export function postgresArguments(home: Home, program: PostgresProgram): string[] {
  const settings = Object.entries(postgresSettings(home, program.major))
  return [
    join(program.folder, 'postgres'),
    '-D',
    home.postgresData,
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

function postgresSettings(home: Home, major: number): Record<string, string> {
  return {
    listen_addresses: '',
    unix_socket_directories: home.postgresSockets,
    unix_socket_permissions: '0700',
    port: '5432',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // After a crash: one call instead of an fsync of each of a thousand files.
    recovery_init_sync_method: 'syncfs',
    wal_level: 'minimal',
    max_wal_senders: '0',
    min_wal_size: '16MB',
    max_wal_size: '128MB',
    wal_buffers: '1MB',
    shared_buffers: '16MB',
    max_connections: '40',
    work_mem: '2MB',
    maintenance_work_mem: '16MB',
    huge_pages: 'off',
    // A log-in session's end removes the user's POSIX and System V shared memory (RemoveIPC), files of ours stay.
    dynamic_shared_memory_type: 'mmap',
    jit: 'off',
    max_worker_processes: '1',
    max_parallel_workers: '0',
    max_logical_replication_workers: '0',
    autovacuum_max_workers: '1',
    ...(major >= 18 ? { io_method: 'sync' } : {}),
    update_process_title: 'off',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_checkpoints: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
  }
}
