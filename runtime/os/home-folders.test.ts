import { expect, test } from 'bun:test'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { homeAt } from './home.ts'
import { makeHome } from './home-folders.ts'

test('another user of the machine gets into nothing of the home, and its group keeps what it has', async () => {
  const root = await mkdtemp(join(tmpdir(), 'home-'))
  try {
    const home = homeAt(root)
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777
    for (const [before, after] of [
      [0o755, 0o750],
      [0o700, 0o700],
      [0o775, 0o770],
    ] as const) {
      await chmod(root, before)
      await makeHome(home)
      expect(await modeOf(root)).toBe(after)
    }
    for (const path of [home.run, home.keys, home.audit, home.backups]) expect(await modeOf(path)).toBe(0o700)
  } finally {
    await rm(root, { recursive: true })
  }
})
