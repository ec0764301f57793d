import { expect, test } from 'bun:test'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRotatingFile } from './rotating-file.ts'

test('a log never grows without bound, and the file before it is kept', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  try {
    const path = join(folder, 'x.log')
    const append = createRotatingFile(path, 10)
    for (const line of ['first line\n', 'second\n', 'third\n']) append(line)
    expect(await readFile(`${path}.1`, 'utf8')).toBe('first line\n')
    expect(await readFile(path, 'utf8')).toBe('second\nthird\n')
    createRotatingFile(path, 10)('fourth\n')
    expect(await readFile(path, 'utf8')).toBe('fourth\n')
  } finally {
    await rm(folder, { recursive: true })
  }
})
