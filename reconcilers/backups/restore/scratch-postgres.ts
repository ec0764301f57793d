import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { makeDirectory } from '../../../runtime/os/files.ts'
import { type Home, longestSocketPath } from '../../../runtime/os/home.ts'
import type { Spawn } from '../../../runtime/os/spawn.ts'
import { postgresArguments } from '../../../runtime/services/postgres.ts'
import { preparePostgres } from '../../../runtime/services/postgres-data.ts'
import type { PostgresProgram } from '../../../runtime/services/postgres-program.ts'
import { postgresAnswers } from '../../../runtime/services/probes.ts'

const patience = 60_000
const hasty = ['fsync', 'synchronous_commit', 'full_page_writes'].flatMap(name => ['-c', `${name}=off`])

export interface ScratchPostgres extends AsyncDisposable {
  readonly address: { readonly socketFolder: string; readonly database: string }
}

/**
 * A Postgres in a restored home, empty but for our role and database, on a socket of its own. It ends with `dispose`,
 * and with whoever started it, however that ends. It waits for no disk: a trial is thrown away, and a restore is flushed
 * as a whole before it counts.
 */
export async function startScratchPostgres(
  restored: Home,
  program: PostgresProgram,
  spawn: Spawn,
  signal: AbortSignal,
): Promise<ScratchPostgres> {
  const home = { ...restored, postgresSockets: await socketFolderOf(restored) }
  const tidy = async () => {
    if (home.postgresSockets !== restored.postgresSockets) await rm(home.postgresSockets, { recursive: true, force: true })
  }
  try {
    const stop = await start(home, program, spawn, signal)
    return {
      address: addressOf(home),
      async [Symbol.asyncDispose]() {
        await stop()
        await tidy()
      },
    }
  } catch (error) {
    await tidy()
    throw error
  }
}

/** A home may be restored to a place deeper than any that an appliance starts in, and paths of sockets are short. */
async function socketFolderOf({ postgresSockets }: Home): Promise<string> {
  const fits = Buffer.byteLength(join(postgresSockets, '.s.PGSQL.5432')) <= longestSocketPath
  return fits ? postgresSockets : mkdtemp(join(tmpdir(), 'ai-infra-pg-'))
}

const addressOf = ({ postgresSockets }: Home) => ({ socketFolder: postgresSockets, database: 'ai_infrastructure' })

/** Gives how to end it. */
async function start(home: Home, program: PostgresProgram, spawn: Spawn, signal: AbortSignal): Promise<() => Promise<void>> {
  await makeDirectory(home.run, 0o700)
  await makeDirectory(home.logs, 0o750)
  const unflushed: Spawn = (argv, options) =>
    argv[0] === 'sync' ? Promise.resolve({ code: 0, stdout: '', stderr: '' }) : spawn(argv, options)
  await preparePostgres(home, program, unflushed)
  const log = Bun.file(join(home.logs, 'postgres.log'))
  const child = Bun.spawn(['/usr/bin/setpriv', '--pdeathsig', 'KILL', ...postgresArguments(home, program), ...hasty], {
    ...{ cwd: home.root, env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' } },
    ...{ stdin: 'ignore', stdout: log, stderr: log, detached: true },
  })
  const stop = async () => {
    // Fast: sessions are ended, and everything is written out.
    child.kill('SIGINT')
    await child.exited
  }
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(patience)])
    while (!(await postgresAnswers(addressOf(home), deadline))) {
      signal.throwIfAborted()
      if (deadline.aborted || child.exitCode !== null) {
        const words = (await log.text()).trim().split('\n').slice(-3).join('; ')
        throw new ApplianceError('failed', `the Postgres of the restored home does not start: ${words}`)
      }
      await Bun.sleep(20)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}
