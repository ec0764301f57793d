import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initRepository } from '../../../desired-state/git/init.ts'
import { makeHome } from '../../../runtime/os/home-folders.ts'
import { minimalEnvironment, spawn } from '../../../runtime/os/spawn.ts'
import { startTestStore } from '../../../runtime/store/testing/postgres.ts'
import { password } from './room-over.ts'

/** A home with a real Postgres, a repository of desired state and some files, and a disk beside it. */
export async function backupRig() {
  const ground = await startTestStore()
  const disk = await mkdtemp(join(tmpdir(), 'bk-'))
  const { home, store } = ground
  await makeHome(home)
  await initRepository(home)
  await mkdir(join(home.www, 'shop'), { recursive: true })
  await writeFile(join(home.www, 'shop', 'index.html'), 'the shop')
  await writeFile(join(home.memory, 'lesson.md'), 'a lesson')
  await store`INSERT INTO backup_repository (name, location, repository_id, begun_at) VALUES ('a row', '', '', now())`
  await store`DELETE FROM backup_repository`
  return {
    ...{ home, store, disk },
    repository: (name = 'repository') => join(disk, name),
    yaml: (more = '', name = 'repository') =>
      `backups:\n  nightly: { repository: ${join(disk, name)}, password: "secret:BACKUP_PASSWORD", jitter_minutes: 0, check_percent: 0${more} }\n`,
    /** restic by hand. */
    async restic(words: readonly string[], name = 'repository') {
      const env = { ...minimalEnvironment, HOME: disk, RESTIC_PASSWORD: password, RESTIC_REPOSITORY: join(disk, name) }
      return spawn(['restic', '--quiet', ...words], { env, timeout: 60_000 })
    },
    async [Symbol.asyncDispose]() {
      await ground[Symbol.asyncDispose]()
      await rm(disk, { recursive: true, force: true })
    },
  }
}
