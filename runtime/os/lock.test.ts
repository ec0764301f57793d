import { afterAll, afterEach, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockHolder, takeLock } from './lock.ts'

const folder = await mkdtemp(join(tmpdir(), 'lock-'))
const children: Bun.Subprocess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A process that takes the lock, says what came of it, and then holds it until it is killed. */
async function other(path: string): Promise<{ child: Bun.Subprocess; said: string }> {
  const code = `import { lockHolder, takeLock } from ${JSON.stringify(join(import.meta.dir, 'lock.ts'))}
    const outcome = takeLock(${JSON.stringify(path)})
    Bun.spawn(['sleep', '5'], { detached: true, stdio: ['ignore', 'ignore', 'ignore'] }).unref()
    Bun.gc(true)
    console.log(JSON.stringify(outcome))
    setInterval(() => {}, 60_000)`
  const child = Bun.spawn(['bun', '-e', code], { stdout: 'pipe', stderr: 'ignore' })
  children.push(child)
  const { value } = await child.stdout.getReader().read()
  return { child, said: new TextDecoder().decode(value).trim() }
}

test('a second runtime on the same home is told the pid of the first', async () => {
  const path = join(folder, 'a.lock')
  const mine = takeLock(path)
  const { said } = await other(path)
  expect(mine.taken).toBe(true)
  expect(JSON.parse(said)).toEqual({ taken: false, holder: process.pid })
})

test('a kill -9 frees the lock, also while a child of the killed process lives on', async () => {
  const path = join(folder, 'b.lock')
  const { child, said } = await other(path)
  expect(JSON.parse(said)).toEqual({ taken: true })
  expect(takeLock(path)).toEqual({ taken: false, holder: child.pid })
  child.kill('SIGKILL')
  await child.exited
  expect(takeLock(path).taken).toBe(true)
})

test('of two that start at once one wins', async () => {
  const path = join(folder, 'c.lock')
  const both = await Promise.all([other(path), other(path)])
  expect(both.map(one => JSON.parse(one.said).taken).sort()).toEqual([false, true])
})

test('a released lock can be taken again', () => {
  const path = join(folder, 'd.lock')
  expect(lockHolder(path)).toBeUndefined()
  const first = takeLock(path)
  expect(lockHolder(path)).toBe(process.pid)
  if (first.taken) first.release()
  expect(lockHolder(path)).toBeUndefined()
  expect(takeLock(path).taken).toBe(true)
})
