import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { minimalEnvironment, spawn } from '../runtime/os/spawn.ts'

test('an agent whose terminal vanishes with its tmux ends, and leaves nothing that runs', async () => {
  const home = await mkdtemp(join(tmpdir(), 'ag-'))
  const tmux = (...args: string[]) => spawn(['tmux', '-S', join(home, 't'), '-f', '/dev/null', ...args], { env })
  const env = { ...minimalEnvironment, PATH: process.env.PATH ?? '', HOME: home, AI_INFRA_HOME: home }
  await mkdir(join(home, 'run'))
  try {
    const agent = [process.execPath, '--no-env-file', '--config=/dev/null', join(import.meta.dir, 'main.ts'), 'code']
    await tmux('new-session', '-d', ...agent)
    await eventually(async () => (await tmux('capture-pane', '-p')).stdout.includes('Waiting for the runtime'))
    const [pane, server] = (await tmux('display-message', '-p', '#{pane_pid} #{pid}')).stdout.trim().split(' ').map(Number)
    if (!pane || !server) throw new Error('tmux names no processes')
    process.kill(server, 'SIGKILL')
    await eventually(async () => !isAlive(pane))
    expect(isAlive(pane)).toBe(false)
  } finally {
    await tmux('kill-server')
    await rm(home, { recursive: true, force: true })
  }
})

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('waited 20 s in vain')
    await Bun.sleep(25)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
