import { expect, test } from 'bun:test'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processFacts } from './process.ts'
import { spawn } from './spawn.ts'

/** Starts a helper that outlives it and holds its output open, like Git and its helper for https. */
const withHelper = (file: string) => ['/bin/sh', '-c', 'sleep 60 & echo $! > "$0"; wait', file]

for (const [by, options] of [
  ['a timeout', () => ({ timeout: 1_000 })],
  ['an abort', () => ({ signal: AbortSignal.timeout(1_000) })],
] as const) {
  test(`a command stopped by ${by} ends at once, and its helpers with it`, async () => {
    const file = join(tmpdir(), `spawn-${crypto.randomUUID()}`)
    const started = performance.now()
    await expect(spawn(withHelper(file), options())).rejects.toThrow(/took longer than 1000 ms|was stopped/)
    expect(performance.now() - started).toBeLessThan(10_000)
    const helper = Number(await readFile(file, 'utf8'))
    await rm(file)
    for (const deadline = Date.now() + 5_000; processFacts(helper) !== undefined && Date.now() < deadline; ) await Bun.sleep(5)
    expect(processFacts(helper)).toBeUndefined()
  }, 15_000)
}

test('a command that prints without end is stopped', async () => {
  await expect(spawn(['yes'], { maxOutput: 10_000 })).rejects.toThrow('printed more than 10000 bytes')
})

test('a command is called by the program that a person knows, not by what sets its limits', async () => {
  const slow = spawn(['prlimit', '--fsize=1', 'sleep', '10'], { timeout: 1 })
  await expect(slow).rejects.toThrow('sleep took longer than 1 ms')
})
