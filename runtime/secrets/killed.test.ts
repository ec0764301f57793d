import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../os/clock.ts'
import { createHomeStore } from './home-store.ts'

const program = join(import.meta.dir, 'testing', 'set-forever.ts')

/** Runs until it has printed so many lines and some more time has passed, and is killed then. Gives what it printed. */
async function killedAfter(path: string, keys: string, lines: number, microseconds: number): Promise<readonly string[]> {
  const child = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', program, path, keys], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let text = ''
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (text.split('\n').length <= lines || child.killed) continue
    const until = performance.now() + microseconds / 1_000
    while (performance.now() < until);
    child.kill('SIGKILL')
  }
  await child.exited
  return text.trimEnd().split('\n')
}

test('kill -9 while a secret is set, rotated or removed leaves the old or the new one, and never a clear byte on the disk', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ai-'))
  const keys = join(root, 'keys')
  const path = join(root, 'secrets.age')
  await mkdir(keys, { mode: 0o700 })
  try {
    let identity: string | undefined
    for (let round = 0; round < 6; round++) {
      const printed = await killedAfter(path, keys, round < 3 ? 1 : 1 + (round % 4), round * 700)
      const durable = Number(printed.at(-1))
      const store = createHomeStore({ path, keys, clock: systemClock })
      const value = await store.get('ROTATED')
      const number = value === undefined ? undefined : Number(/^the-marked-value-number-(\d+) of a long secret$/.exec(value)?.[1])
      // What was said to be durable is there, or what came after it; a value of an earlier life only where none was.
      if (!Number.isNaN(durable)) expect([durable, durable + 1, undefined]).toContain(number)
      else expect(number).not.toBeNaN()
      await store.set('KEPT', `kept in round ${round}`)
      expect(await store.get('KEPT')).toBe(`kept in round ${round}`)
      const made = await readFile(join(keys, 'secrets-age.key'), 'utf8')
      expect(made).toBe(identity ?? made)
      identity = made
      for (const folder of [root, keys])
        for (const name of (await readdir(folder, { withFileTypes: true })).filter(entry => entry.isFile()))
          expect(await readFile(join(folder, name.name), 'latin1')).not.toContain('the-marked-value')
    }
  } finally {
    await rm(root, { recursive: true })
  }
})
