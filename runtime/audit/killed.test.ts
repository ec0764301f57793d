import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../os/clock.ts'
import { openAuditLog } from './log.ts'
import { verifyAudit } from './verify.ts'

const program = (name: string) => join(import.meta.dir, 'testing', name)

test('killed with -9 while it appends, again and again: what was on the disk stays, and the chain is whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    for (let round = 1; round <= 4; round++) {
      const child = Bun.spawn([process.execPath, program('append-forever.ts'), folder], { stdout: 'pipe', cwd: folder })
      let told = 0
      for await (const chunk of child.stdout) {
        told = Number(new TextDecoder().decode(chunk).trimEnd().split('\n').at(-1))
        if (told > round * 300) break
      }
      child.kill('SIGKILL')
      await child.exited
      // A kill can only cut the line that was being written.
      const log = await openAuditLog({ folder, clock: systemClock })
      expect(log.last().sequence).toBeGreaterThanOrEqual(told)
      await log.stop()
      expect(await verifyAudit({ folder, anchors: [], writing: false })).toMatchObject({ flaws: [], sound: true })
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

test('on a full disk every record says so, nothing of it stands in the file, and it goes on once there is room', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    const inside = Bun.spawn(
      [
        ...['/usr/bin/bwrap', '--dev-bind', '/', '/', '--size', String(4 * 1024 * 1024), '--tmpfs', folder, '--die-with-parent'],
        ...['--', process.execPath, program('on-full-disk.ts'), folder],
      ],
      { cwd: '/', stdout: 'pipe', stderr: 'inherit' },
    )
    expect(JSON.parse(await new Response(inside.stdout).text())).toEqual({
      before: 'written',
      full: ['the disk is full, so the audit cannot be written (make room, then repeat)'],
      after: 'written',
      sound: true,
      flaws: [],
      none: true,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)
