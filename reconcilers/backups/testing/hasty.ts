import type { Home } from '../../../runtime/os/home.ts'
import { type Spawn, spawn } from '../../../runtime/os/spawn.ts'
import { findPostgres } from '../../../runtime/services/postgres-program.ts'
import { copyReadyMadeDatabase } from '../../../runtime/store/testing/ready-made.ts'
import type { Source } from '../source/backup.ts'

/** The home as it is backed up, but what initdb takes a second of a core for in each trial is copied. */
export function hastySource(home: Home): Source {
  const hasty: Spawn = async (argv, options) => {
    const [program = '', , folder = ''] = argv
    if (program.endsWith('/initdb')) await copyReadyMadeDatabase(home, folder)
    else if (!argv.includes('--single')) return spawn(argv, options)
    return { code: 0, stdout: '', stderr: '' }
  }
  return {
    ...{ home, spawn: hasty, appliance: 'one', environment: [], postgres: () => findPostgres(home) },
    address: { socketFolder: home.postgresSockets, database: 'ai_infrastructure' },
  }
}
