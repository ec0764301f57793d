import { expect, test } from 'bun:test'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDirectory } from '../../../runtime/os/files.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { fillFolder } from './into-place.ts'
import { refuseWithoutRoom } from './room.ts'

const make = (words: string) => async (folder: string) => {
  await makeDirectory(folder)
  await writeFile(join(folder, 'lesson.md'), words)
  return 'what was restored'
}

test('a restore that fails takes away what it had written, and the same one goes on where the room is there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ip-'))
  const full = async (scratch: string) => {
    await make('half of a lesson')(scratch)
    throw new Error('no space left on device')
  }
  await expect(fillFolder(folder, full, async () => {}, spawn)).rejects.toThrow('no space left')
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['.restore', '.restore.lock'])
  const killed = async (step: string) => {
    if (step === 'whole') throw new Error('killed')
  }
  await expect(fillFolder(folder, make('a lesson'), killed, spawn)).rejects.toThrow('killed')
  const note = await fillFolder(folder, make('another'), async () => {}, spawn)
  expect([note, await readFile(join(folder, 'lesson.md'), 'utf8')]).toEqual(['what was restored', 'a lesson'])
  await expect(fillFolder(folder, make('over it'), async () => {}, spawn)).rejects.toThrow('is not empty')
  await rm(folder, { recursive: true })
})

test('a kill while the last of a restore is tidied up leaves it finished, and of two at once the second is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ip-'))
  const late = async (step: string) => {
    if (step !== 'moved') return
    await expect(fillFolder(folder, make('another'), async () => {}, spawn)).rejects.toThrow('somebody else is restoring')
    await rm(join(folder, '.restore', 'made'), { recursive: true })
    throw new Error('killed')
  }
  await expect(fillFolder(folder, make('a lesson'), late, spawn)).rejects.toThrow('killed')
  expect(await fillFolder(folder, make('another'), async () => {}, spawn)).toBe('what was restored')
  expect(await readdir(folder)).toEqual(['lesson.md'])
  await rm(folder, { recursive: true })
})

test('nothing is restored to a disk that has not the room for it', async () => {
  const folder = join(tmpdir(), 'not-there', 'yet')
  await refuseWithoutRoom(folder, 1, 'what is to be restored')
  await expect(refuseWithoutRoom(folder, 1e18, 'what is to be restored')).rejects.toThrow('to spare, and the disk of')
})
