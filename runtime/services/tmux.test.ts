import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../os/home.ts'
import { minimalEnvironment, spawn } from '../os/spawn.ts'
import { renderTmuxConfiguration, tmuxArguments, tmuxService } from './tmux.ts'
import { tmuxCommand } from './tmux-commands.ts'

let home: Home
let child: Bun.Subprocess

const start = async () => {
  const service = tmuxService(home)
  await service.prepare()
  child = Bun.spawn([...service.argv], {
    env: service.env,
    cwd: service.cwd,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const deadline = Date.now() + 10_000
  while (!(await service.ready(AbortSignal.timeout(1_000)))) {
    if (Date.now() > deadline) throw new Error('tmux is not ready')
    await Bun.sleep(10)
  }
}

beforeAll(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'tm-')))
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await child?.exited
  await rm(home.root, { recursive: true, force: true })
})

test('tmux runs in the foreground with its own socket and configuration', () => {
  expect(tmuxArguments(homeAt('/h'), '/usr/bin/tmux')).toEqual([
    '/usr/bin/tmux',
    '-D',
    '-u',
    '-f',
    '/h/run/tmux.conf',
    '-S',
    '/h/run/tmux.sock',
  ])
})

test('the server is there without a session, took every line of its configuration, and comes back after a kill', async () => {
  expect(await tmuxService(home).ready(AbortSignal.timeout(1_000))).toBe(false)
  await start()
  const source = await spawn(tmuxCommand(home.tmuxSocket, ['source-file', join(home.run, 'tmux.conf')]))
  expect(source).toEqual({ code: 0, stdout: '', stderr: '' })
  child.kill('SIGKILL')
  await child.exited
  expect(await tmuxService(home).ready(AbortSignal.timeout(1_000))).toBe(false)
  await start()
})

test('with TMUX_TMPDIR alone a person reaches it', async () => {
  await spawn(tmuxCommand(home.tmuxSocket, ['new-session', '-d', '-s', 'seen', 'cat']))
  const { stdout } = await spawn(['tmux', 'list-sessions', '-F', '#S'], { env: { ...minimalEnvironment, TMUX_TMPDIR: home.run } })
  expect(stdout).toBe('seen\n')
})

test('the status line carries the name of the product and the windows', () => {
  const text = renderTmuxConfiguration()
  expect(text).toContain("set -g status-left '#[bg=colour37,fg=colour233,bold] AI Infrastructure #[default] '")
  expect(text).toContain('set-hook -g pane-died ')
})
