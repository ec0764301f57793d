import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../runtime/os/clock.ts'
import { statIfExists } from '../../runtime/os/files.ts'
import { type Spawn, spawn } from '../../runtime/os/spawn.ts'
import { createAgentSocketRoutes } from '../../web/agent-socket/routes.ts'
import { serveRoutes } from '../../web/agent-socket/testing/serve.ts'
import { orderOf } from './item.ts'
import { readLayout } from './observe.ts'
import { agent, createRig, type Rig, type Runtime, stateOf, until } from './testing/rig.ts'
import { watch } from './watch.ts'

setDefaultTimeout(120_000)

let rig: Rig
let runtime: Runtime

beforeAll(async () => {
  rig = await createRig((path, name, agents) =>
    serveRoutes(
      path,
      { kind: 'agent', name },
      createAgentSocketRoutes({ agents, audit: { record: async () => {} }, hide: text => text }),
    ),
  )
  runtime = await rig.runtime()
})
afterAll(() => rig?.stop())

const names = ['supervisor', 'code', 'data', 'infra', 'research', 'qa']
const all = [...names, 'monitor', 'logs']
const six = stateOf(...names.toReversed().map(name => agent(name)))
const nothing = { changes: [], obstacles: [], notes: expect.anything() }

const windowNames = async () =>
  (await rig.tmux('list-windows', '-t', '=ai-infrastructure:', '-F', '#{window_name}')).trim().split('\n')
const windowOf = async (key: string) => {
  const found = (await readLayout({ home: rig.home, spawn })).windows.get(key)
  if (found === undefined) throw new Error(`no window ${key}`)
  return found
}
const pidOf = async (key: string) => (await windowOf(key)).pid
const summaries = async (state = six) => (await runtime.plan(state)).changes.map(change => `${change.key}: ${change.summary}`)

test('six agents and two programs appear in order, each with a living process that reports', async () => {
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowNames()).toEqual(all)
  expect(runtime.agents.presence().map(presence => presence.activity)).toEqual(names.map(() => 'idle'))
  for (const name of names) expect(runtime.agents.report(name)?.pid).toBe(await pidOf(name))
})

test('a second look changes nothing', async () => {
  expect(await runtime.converge(six)).toEqual(nothing)
})

test('a window shows who the agent is, how it stands, and what to set when no key is there', async () => {
  await until('the window is drawn', async () => (await rig.screen('code')).includes('● idle'))
  const screen = await rig.screen('code')
  expect(screen).toContain('◆ code  level 1 · standard')
  expect(screen).toContain('No Claude key is set')
  expect(screen).toContain('ANTHROPIC_API_KEY')
  expect(screen).toContain('❯')
})

test('the process has only what it needs in arguments and environment, and runs in the folder of the program', async () => {
  const pid = await pidOf('code')
  const words = async (file: string) => (await readFile(`/proc/${pid}/${file}`, 'utf8')).split('\0').filter(word => word !== '')
  const variables = (await words('environ')).map(word => word.split('=')[0] ?? '')
  const known = [
    'AI_INFRA_HOME',
    'LANG',
    'PATH',
    'SHELL',
    'TERM',
    'TERM_PROGRAM',
    'TERM_PROGRAM_VERSION',
    'TMUX',
    'TMUX_PANE',
    'PWD',
    'SHLVL',
    '_',
  ]
  expect(variables.filter(name => !known.includes(name))).toEqual([])
  expect((await words('cmdline')).slice(1, 3)).toEqual(['--smol', '--no-env-file'])
})

test('bunfig.toml and .env planted in a workspace are not run', async () => {
  const workspace = join(rig.home.workspaces, 'code')
  const trace = join(rig.home.root, 'planted')
  for (const folder of [workspace, join(workspace, 'working')]) {
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'bunfig.toml'), 'preload = ["./planted.ts"]\n')
    await writeFile(join(folder, 'planted.ts'), `await Bun.write(${JSON.stringify(trace)}, 'run')\n`)
    await writeFile(join(folder, '.env'), 'ANTHROPIC_BASE_URL=http://127.0.0.1:1/\n')
  }
  await rig.tmux('kill-window', '-t', (await windowOf('code')).window)
  expect(await runtime.converge(six)).toEqual(nothing)
  const environment = await readFile(`/proc/${await pidOf('code')}/environ`, 'utf8')
  expect(environment).not.toContain('ANTHROPIC')
  expect(await Bun.file(trace).exists()).toBe(false)
})

test('a killed window is opened again in its place', async () => {
  await rig.tmux('kill-window', '-t', (await windowOf('infra')).window)
  expect(await summaries()).toEqual(['infra: open its window again: it was gone'])
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowNames()).toEqual(all)
})

test('a crashed process is started again in its window', async () => {
  const { window, pid } = await windowOf('data')
  process.kill(pid, 'SIGKILL')
  await until('tmux sees the dead process', async () => !(await windowOf('data')).alive)
  expect(await summaries()).toEqual(['data: start it again: its process ended'])
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowOf('data')).toMatchObject({ window, alive: true })
})

/** The reasons for which a watch of the agents woke, with this in the place of what runs tmux. */
async function watched(run: Spawn, act: (woken: () => number) => Promise<void>, clock: Clock = systemClock): Promise<void> {
  let woken = 0
  const stop = watch({ home: rig.home, spawn: run, agents: runtime.agents, clock }, () => woken++)
  await until('it watches', () => woken > 0)
  await act(() => woken)
  stop()
  expect(await runtime.converge(six)).toEqual(nothing)
}

test('a killed window wakes, without anybody who looks from time to time', async () => {
  const neverLooks: Clock = { ...systemClock, sleep: () => new Promise(() => {}) }
  const kill = async (woken: () => number) => {
    const before = woken()
    await rig.tmux('kill-window', '-t', (await windowOf('logs')).window)
    await until('it wakes', () => woken() > before)
  }
  await watched(spawn, kill, neverLooks)
})

test('processes that die between two waits wake too, however many they are', async () => {
  let between: (() => Promise<void>) | undefined
  const slow: Spawn = async (argv, options) => {
    const act = argv.includes('wait-for') ? between : undefined
    between = undefined
    await act?.()
    return spawn(argv, options)
  }
  await watched(slow, async woken => {
    let told = 0
    between = async () => {
      for (const key of ['monitor', 'logs']) {
        process.kill(await pidOf(key), 'SIGKILL')
        await until('tmux sees the dead process', async () => !(await windowOf(key)).alive)
      }
      told = woken()
    }
    await rig.tmux('rename-window', '-t', (await windowOf('code')).window, 'mine')
    await until('both are dead', () => told > 0)
    await until('it wakes after that', () => woken() > told)
  })
})

test('a changed prompt is taken over without a restart, proved by what the process reports', async () => {
  const pid = await pidOf('qa')
  const changed = stateOf(
    ...names.map(name => agent(name, name === 'qa' ? { promptText: 'You test.', model: 'claude-other' } : {})),
  )
  expect(await summaries(changed)).toEqual(['qa: reload the prompt, without a restart'])
  expect(await runtime.converge(changed)).toEqual(nothing)
  expect(await pidOf('qa')).toBe(pid)
  await until('the window shows the model', async () => (await rig.screen('qa')).includes('claude-other'))
  expect(await runtime.converge(six)).toEqual(nothing)
})

test('a changed level replaces the process, in the same window', async () => {
  const { window, pid } = await windowOf('infra')
  const changed = stateOf(...names.map(name => agent(name, name === 'infra' ? { level: 2 } : {})))
  expect(await summaries(changed)).toEqual(['infra: replace its process for the new level, after what it is doing'])
  expect(await runtime.converge(changed)).toEqual(nothing)
  expect(await windowOf('infra')).toMatchObject({ window })
  expect(await pidOf('infra')).not.toBe(pid)
  expect(await runtime.converge(six)).toEqual(nothing)
})

test('a restart that a person asked for replaces the process', async () => {
  const pid = await pidOf('research')
  await runtime.agents.restart('research', 'ada')
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await pidOf('research')).not.toBe(pid)
})

test('windows moved or renamed by hand are put back and keep their processes', async () => {
  const pids = await Promise.all(all.map(pidOf))
  const [code, logs, qa] = await Promise.all([windowOf('code'), windowOf('logs'), windowOf('qa')])
  await rig.tmux('swap-window', '-d', '-s', code.window, '-t', logs.window)
  await rig.tmux('rename-window', '-t', qa.window, 'mine')
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowNames()).toEqual(all)
  expect(await Promise.all(all.map(pidOf))).toEqual(pids)
})

test('another agent gets its window after qa, and leaves with its socket when it is no longer declared', async () => {
  const more = stateOf(...[...names, 'zeta', 'beta'].map(name => agent(name)))
  expect(await runtime.converge(more)).toEqual(nothing)
  expect(await windowNames()).toEqual([...names, 'beta', 'zeta', 'monitor', 'logs'])
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowNames()).toEqual(all)
  expect(runtime.agents.names()).not.toContain('zeta')
  expect(await statIfExists(join(rig.home.agentSockets, 'zeta.sock'))).toBeUndefined()
  expect(await statIfExists(join(rig.home.workspaces, 'zeta', 'working'))).toBeDefined()
})

test('windows and sessions of others stay as they are', async () => {
  await rig.tmux('new-session', '-d', '-s', 'mine', '-n', 'own', 'cat')
  await rig.tmux('new-window', '-d', '-t', '=ai-infrastructure:', '-n', 'shell', 'cat')
  await rig.tmux('swap-window', '-d', '-s', '=ai-infrastructure:shell', '-t', '=ai-infrastructure:1')
  const before = await rig.tmux('list-panes', '-a', '-F', '#{session_name} #{window_name} #{window_index} #{pane_pid}')
  const others = (text: string) => text.split('\n').filter(line => line.includes('mine') || line.includes(' shell '))
  expect(await runtime.converge(six)).toEqual(nothing)
  await rig.tmux('kill-window', '-t', (await windowOf('supervisor')).window)
  expect(await runtime.converge(six)).toEqual(nothing)
  const after = await rig.tmux('list-panes', '-a', '-F', '#{session_name} #{window_name} #{window_index} #{pane_pid}')
  expect(others(after)).toEqual(others(before))
  expect((await windowNames()).filter(name => name !== 'shell')).toEqual(all)
  await rig.tmux('kill-window', '-t', '=ai-infrastructure:shell')
  await rig.tmux('kill-session', '-t', '=mine')
})

test('everything comes back after the tmux server was killed', async () => {
  await rig.kill('tmux')
  await expect(runtime.plan(six)).rejects.toThrow('the tmux server does not answer')
  await rig.start('tmux')
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowNames()).toEqual(all)
  expect((await runtime.agents.declarations.restarts(9)).get('qa') ?? []).toEqual([])
})

test('everything comes back after the session was killed', async () => {
  await rig.tmux('kill-session', '-t', '=ai-infrastructure')
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await windowNames()).toEqual(all)
})

test('a restarted runtime finds its agents working and restarts none', async () => {
  const pids = await Promise.all(all.map(pidOf))
  await runtime.stop()
  runtime = await rig.runtime()
  expect((await runtime.plan(six)).changes).toEqual([])
  await until('all report again', async () => (await runtime.plan(six)).obstacles.length === 0)
  expect(await runtime.converge(six)).toEqual(nothing)
  expect(await Promise.all(all.map(pidOf))).toEqual(pids)
})

test('a process that ended five times in five minutes is stalled, also for the next runtime, until a person restarts it', async () => {
  for (let round = 0; round < 6; round++) {
    process.kill(await pidOf('qa'), 'SIGKILL')
    await until('tmux sees the dead process', async () => !(await windowOf('qa')).alive)
    if (round < 5) expect((await runtime.converge(six)).obstacles).toEqual([])
  }
  const stalled = {
    key: 'qa',
    state: 'stalled',
    reason: 'flapping',
    message: expect.stringMatching(/ended 5 times within 5 minutes.*restart it on its page/),
  }
  expect(await runtime.plan(six)).toMatchObject({ changes: [], obstacles: [stalled] })
  await runtime.stop()
  runtime = await rig.runtime()
  expect((await runtime.plan(six)).obstacles).toContainEqual(expect.objectContaining(stalled))
  await runtime.agents.restart('qa', 'ada')
  await until('all is well', async () => (await runtime.converge(six)).obstacles.length === 0)
  expect((await windowOf('qa')).alive).toBe(true)
})

test('a process that cannot start says why, and the others are not touched', async () => {
  const broken = join(rig.home.root, 'broken')
  await writeFile(broken, '#!/bin/sh\necho "the disk is upside down"\nsleep 0.3\nexit 3\n', { mode: 0o755 })
  await runtime.stop()
  runtime = await rig.runtime({ bun: broken })
  const change = (await runtime.plan(stateOf(...names.map(name => agent(name)), agent('zeta')))).changes.find(
    ({ key }) => key === 'zeta',
  )
  if (change === undefined) throw new Error('zeta is not planned')
  await expect(runtime.apply(change)).rejects.toThrow(/its process ended at once.*the disk is upside down/)
  await runtime.stop()
  runtime = await rig.runtime()
  await until('all is well', async () => (await runtime.converge(six)).obstacles.length === 0)
})

test("somebody else's session of our name stalls every agent and is left alone", async () => {
  await rig.tmux('kill-session', '-t', '=ai-infrastructure')
  await rig.tmux('new-session', '-d', '-s', 'ai-infrastructure', 'cat')
  const { changes, obstacles } = await runtime.plan(six)
  expect(changes).toEqual([])
  expect(obstacles.map(obstacle => `${obstacle.key} ${obstacle.state} ${obstacle.reason}`)).toEqual(
    orderOf(all).map(key => `${key} stalled foreign-session`),
  )
  await rig.tmux('kill-session', '-t', '=ai-infrastructure')
  expect(await runtime.converge(six)).toEqual(nothing)
})
