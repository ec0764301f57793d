import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from '../../runtime/os/spawn.ts'
import { beginRepository } from './begin.ts'
import { createRestic } from './restic/restic.ts'

test('the key of a beginning that died is put aside, and stays where it is as long as something there cannot be read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'begin-'))
  const location = { type: 'folder', repository: join(folder, 'there') } as const
  const [keys, data] = [join(location.repository, 'keys'), join(location.repository, 'data')]
  await mkdir(keys, { recursive: true })
  await writeFile(join(keys, '5e'), 'the only key')
  await symlink('data', data)
  const access = { location, password: 'a password', keys: undefined, ssh: undefined, cache: join(folder, 'cache') }
  const restic = createRestic({ ...access, temporary: join(folder, 'tmp') }, spawn, new AbortController().signal)
  await expect(beginRepository(restic, location)).rejects.toThrow('data cannot be read: ELOOP')
  expect(await readdir(keys)).toEqual(['5e'])
  await rm(data)
  expect(await beginRepository(restic, location)).toMatch(/^[0-9a-f]{64}$/)
  const aside = (await readdir(location.repository)).filter(name => name.startsWith('keys.unfinished-'))
  expect(await readdir(join(location.repository, aside[0] ?? ''))).toEqual(['5e'])
  await rm(folder, { recursive: true })
})
