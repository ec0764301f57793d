import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

test('a disk that fills up during an apply corrupts nothing, costs no visitor a page, and once there is room it converges', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fd-'))
  try {
    const home = join(folder, 'home')
    await mkdir(home)
    const inside = Bun.spawn(
      [
        ...['/usr/bin/bwrap', '--dev-bind', '/', '/', '--size', String(160 * 1024 * 1024), '--tmpfs', home, '--die-with-parent'],
        ...['--', process.execPath, join(import.meta.dir, 'support', 'full-disk.ts'), home, join(folder, 'clone')],
      ],
      { cwd: folder, env: { PATH: process.env.PATH ?? '', HOME: folder }, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    )
    const [out, error, code] = await Promise.all([
      new Response(inside.stdout).text(),
      new Response(inside.stderr).text(),
      inside.exited,
    ])
    expect({ code, error }).toEqual({ code: 0, error: '' })
    expect(JSON.parse(out)).toMatchObject({
      accepted: true,
      whileFull: { b: 404, refused: false },
      revision: true,
      sites: [200, 200],
      agents: 8,
      repository: 0,
      failures: [],
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 120_000)
