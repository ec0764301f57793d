import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../runtime/os/log.ts'
import { spawn } from '../../runtime/os/spawn.ts'
import { removeDeadLocks } from './locks.ts'
import { createRestic } from './restic/restic.ts'
import { placeReadyRepository } from './testing/ready-repository.ts'
import { password } from './testing/room-of-items.ts'

/** What restic 0.14 wrote on a machine named `elsewhere` on 2026-11-29 at 00:08 UTC, which then was gone. */
const name = '3f9053e396067741f02c6a5cce6b22eec0479d9488e22a1e2528c7b1cff8d375'
const lock =
  'cry0Y5N4g8s1cqgT9cebsC/0heGNMCys3yKZ2gHnyDA324k20bl82Pew5NVLPoBrIENAuAZKz2Gwwwair4qNaCFXKzlti6veP9BET5qiPfV8yuepRIJ4Vq9hjzP1qD9AKxsUPIN765dEHXW77YDphLs2iUt9uM+QudgPpZqCD5biyWi9M7mHV8aL'

test('the lock of a machine that is gone is respected for two hours, and then taken away', async () => {
  const disk = await mkdtemp(join(tmpdir(), 'lk-'))
  const repository = join(disk, 'repository')
  await placeReadyRepository(repository)
  await writeFile(join(repository, 'locks', name), Buffer.from(lock, 'base64'))
  const folders = { cache: join(disk, 'cache'), temporary: join(disk, 'tmp') }
  const access = { location: { type: 'folder', repository }, password, keys: undefined, ssh: undefined, ...folders } as const
  const restic = createRestic(access, spawn, new AbortController().signal)
  const began = new Date('2026-11-29T00:00:00Z')
  await removeDeadLocks(restic, began, new Date('2026-11-29T02:00:00Z'), silentLog)
  expect(await readdir(join(repository, 'locks'))).toEqual([name])
  await removeDeadLocks(restic, began, new Date('2026-11-29T02:09:00Z'), silentLog)
  expect(await readdir(join(repository, 'locks'))).toEqual([])
  await rm(disk, { recursive: true })
})
