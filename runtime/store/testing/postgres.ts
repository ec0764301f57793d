import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDirectory } from '../../os/files.ts'
import { type Home, homeAt } from '../../os/home.ts'
import { postgresService } from '../../services/postgres.ts'
import { findPostgres } from '../../services/postgres-program.ts'
import { migrate, openStore, type Store } from '../store.ts'
import { placeReadyMadeDatabase } from './ready-made.ts'

export interface TestStore extends AsyncDisposable {
  readonly home: Home
  readonly store: Store
}

/** A real Postgres in a fresh home of its own, migrated, stopped and removed at the end of the test file. */
export async function startTestStore(): Promise<TestStore> {
  const home = homeAt(await mkdtemp(join(tmpdir(), 'ai-')))
  await makeDirectory(home.run, 0o700)
  await makeDirectory(home.logs)
  await placeReadyMadeDatabase(home)
  const service = postgresService(home, await findPostgres(home))
  await service.prepare()
  const log = Bun.file(join(home.logs, 'postgres.log'))
  const child = Bun.spawn([...service.argv], { cwd: service.cwd, env: service.env, stdout: log, stderr: log })
  const deadline = AbortSignal.timeout(20_000)
  while (!(await service.ready(deadline))) {
    if (deadline.aborted || child.exitCode !== null) throw new Error(await log.text())
    await Bun.sleep(20)
  }
  const store = openStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })
  await migrate(store)
  return {
    home,
    store,
    async [Symbol.asyncDispose]() {
      await store.end({ timeout: 1 })
      child.kill('SIGQUIT')
      await child.exited
      await rm(home.root, { recursive: true, force: true })
    },
  }
}
