import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunningOut, roomOf } from './room.ts'

const block = 4096
const gibibyte = 2 ** 30
const disk = (size: number, free: number, files = 0, ffree = 0) =>
  roomOf('/w', () => ({ bsize: block, blocks: size / block, bavail: free / block, files, ffree }))

const judge = (before: ReturnType<typeof disk>, now: ReturnType<typeof disk>) => before !== undefined && isRunningOut(before, now)

test('a gibibyte of a disk is kept free, a twentieth of a small one, and a fiftieth of its files', () => {
  expect(judge(disk(100 * gibibyte, 2 * gibibyte), disk(100 * gibibyte, 0.9 * gibibyte))).toBe(true)
  expect(judge(disk(100 * gibibyte, 2 * gibibyte), disk(100 * gibibyte, 1.1 * gibibyte))).toBe(false)
  expect(judge(disk(2 * gibibyte, gibibyte), disk(2 * gibibyte, 0.09 * gibibyte))).toBe(true)
  expect(judge(disk(gibibyte, gibibyte / 2, 10_000, 5_000), disk(gibibyte, gibibyte / 2, 10_000, 100))).toBe(true)
})

test('a disk that was short before does not end the command that may be making room', () => {
  expect(judge(disk(100 * gibibyte, 0.5 * gibibyte), disk(100 * gibibyte, 0.6 * gibibyte))).toBe(false)
  expect(judge(disk(100 * gibibyte, 0.5 * gibibyte), disk(100 * gibibyte, 0.3 * gibibyte))).toBe(true)
  expect(roomOf('/nowhere/at/all')).toBeUndefined()
})

test('a command that fills the disk with many files is ended, and the note says why', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rm-'))
  try {
    const inside = Bun.spawn(
      [
        ...['/usr/bin/bwrap', '--dev-bind', '/', '/', '--size', String(400 * 2 ** 20), '--tmpfs', folder, '--die-with-parent'],
        ...['--', process.execPath, join(import.meta.dir, 'testing/fill-disk.ts'), folder],
      ],
      { env: { PATH: process.env.PATH ?? '', TMPDIR: folder }, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    )
    const { notes, left } = JSON.parse(await new Response(inside.stdout).text())
    expect(notes).toEqual(['the disk is nearly full: 20 MiB are kept free for the server'])
    expect(left).toBeGreaterThan(0)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)
