import { expect, test } from 'bun:test'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn, spawnChecked } from '../runtime/os/spawn.ts'

test('what the program starts leaves no core dump, in which secrets would stand', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pr-'))
  const tools = join(folder, '.tools', 'bun-1.4.5')
  for (const path of [join(folder, 'bin'), tools]) await mkdir(path, { recursive: true })
  const program = join(folder, 'bin', 'ai-infra')
  await copyFile(join(import.meta.dir, '..', 'bin', 'ai-infra'), program)
  await writeFile(join(tools, 'bun'), '#!/bin/sh\nulimit -S -c; ulimit -H -c\n')
  for (const path of [program, join(tools, 'bun')]) await chmod(path, 0o755)
  expect(await spawnChecked(spawn, [program, 'status'])).toBe('0\n0\n')
  await rm(folder, { recursive: true })
})
