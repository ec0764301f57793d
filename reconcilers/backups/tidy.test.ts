import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { homeAt } from '../../runtime/os/home.ts'
import { tidyBackups } from './tidy.ts'

test('keys of servers and caches of repositories go with the last target that has them; what may be the only copy stays', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ti-'))
  const home = homeAt(root)
  const [kept, gone, begun] = ['a', 'b', 'c'].map(letter => letter.repeat(64)) as [string, string, string]
  const now = new Date()
  for (const folder of [kept, gone, begun, 'restic-check-cache-42']) {
    await mkdir(join(home.backups, 'cache', folder), { recursive: true })
    const age = folder === begun ? 0 : 3_600
    await utimes(join(home.backups, 'cache', folder), now.getTime() / 1_000 - age, now.getTime() / 1_000 - age)
  }
  const files = ['known-hosts-here', 'known-hosts-here.log', 'known-hosts-left', 'known-hosts-left.log', 'git-left']
  for (const file of files) await writeFile(join(home.backups, file), '')
  await tidyBackups(home, new Set(['here']), new Set([kept]), now)
  expect((await readdir(home.backups)).sort()).toEqual(['cache', 'git-left', 'known-hosts-here', 'known-hosts-here.log'])
  expect((await readdir(join(home.backups, 'cache'))).sort()).toEqual([kept, begun])
  await rm(root, { recursive: true })
})
