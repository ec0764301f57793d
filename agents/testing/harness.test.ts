import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from '../../runtime/os/spawn.ts'
import { harness, type Team } from './harness.ts'
import { call, say, together } from './steps.ts'

setDefaultTimeout(180_000)

let team: Team
beforeAll(async () => {
  team = await harness({ script: {} })
})
afterAll(() => team?.[Symbol.asyncDispose]())

test('a person asks, the supervisor hands out, two agents work, and the outcome is told in the chat', async () => {
  const task = (name: string, agent: string, depends_on: string[] = []) => ({
    name,
    agent,
    description: `Do ${name}.`,
    depends_on,
  })
  team.model.script({
    supervisor: [
      together(say('I hand it out.'), call('task_submit', { tasks: [task('build', 'code'), task('check', 'qa', ['build'])] })),
      say('It is under way.'),
      say('It is built and checked.'),
    ],
    code: [
      together(
        call('write', { path: 'index.html', content: '<h1>Bread</h1>' }),
        call('run', { command: 'echo "baked"; id -u > who' }),
      ),
      say('index.html is written.'),
    ],
    qa: [say('It is fine.')],
  })
  await team.say('Build me a page.')
  await team.untilDone()
  expect((await team.tasks()).map(({ name, state, result }) => ({ name, state, result })).toReversed()).toEqual([
    { name: 'build', state: 'completed', result: 'index.html is written.' },
    { name: 'check', state: 'completed', result: 'It is fine.' },
  ])
  expect(team.invoked('code') && team.invoked('qa')).toBe(true)
  expect(team.invoked('research')).toBe(false)
  expect(team.toolsCalled('supervisor')).toEqual(['task_submit'])
  expect(team.toolsCalled('code')).toEqual(['write', 'run'])
  expect(team.toolResults('code')[1]?.content).toContain('baked')
  expect(team.toolResults('code').filter(({ failed }) => failed)).toEqual([])
  expect(team.model.calls.findLast(({ agent }) => agent === 'qa')?.messages[0]?.content).toContain('index.html is written.')
  const said = await team.messages()
  expect(said.at(-1)).toMatchObject({ role: 'agent', by: 'supervisor', state: 'done', text: 'It is built and checked.' })
  const [folder = ''] = await readdir(join(team.home, 'workspaces', 'code', 'working'))
  expect(await Bun.file(join(team.home, 'workspaces', 'code', 'working', folder, 'index.html')).text()).toBe('<h1>Bread</h1>')
})

test('an agent that is killed in the middle of a command goes on with its task, and is told to look before it repeats', async () => {
  team.model.script({
    supervisor: [
      call('task_submit', { tasks: [{ name: 'long', agent: 'data', description: 'Take long.' }] }),
      say('It is under way.'),
      say('It is done.'),
    ],
    data: [
      together(say('I begin.'), call('run', { command: 'echo begun >> log; sleep 300' })),
      call('run', { command: 'cat log' }),
      say('It had begun once.'),
    ],
  })
  const log = async () => {
    const working = join(team.home, 'workspaces', 'data', 'working')
    const found = (await readdir(working, { recursive: true }).catch(() => [])).find(name => name.endsWith('log'))
    return found === undefined ? '' : Bun.file(join(working, found)).text()
  }
  await team.say('Take long.')
  for (const deadline = Date.now() + 60_000; (await log()) !== 'begun\n'; await Bun.sleep(50)) {
    if (Date.now() > deadline) throw new Error('the command did not begin')
  }
  process.kill(await paneOf('data'), 'SIGKILL')
  await team.untilDone(120)
  const [interrupted, looked] = team.toolResults('data')
  expect(interrupted).toMatchObject({ failed: true, content: expect.stringContaining('its outcome is unknown: look first') })
  expect(looked).toMatchObject({ failed: false, content: expect.stringContaining('begun') })
  expect(await log()).toBe('begun\n')
  expect((await team.tasks())[0]).toMatchObject({ name: 'long', state: 'completed', result: 'It had begun once.' })
  expect((await team.messages()).at(-1)).toMatchObject({ text: 'It is done.' })
})

test('a turn too many, and a script for nobody, fail with what went wrong', async () => {
  team.model.script({ research: [call('list')] })
  await team.say('Look around.', 'research')
  await expect(team.untilDone()).rejects.toThrow('the script of research has ended after 1 turns, and it was asked once more')
  team.model.script({})
  await expect(harness({ script: { coder: [say('hello')] } })).rejects.toThrow(
    'there is a script for coder, and the agents are supervisor, code',
  )
  await expect(team.say('hello', 'nobody')).rejects.toThrow('nobody')
})

async function paneOf(agent: string): Promise<number> {
  const socket = join(team.home, 'run', 'tmux.sock')
  const { stdout } = await spawn([
    'tmux',
    '-S',
    socket,
    'list-panes',
    '-s',
    '-t',
    '=ai-infrastructure',
    '-F',
    '#{window_name} #{pane_pid}',
  ])
  const line = stdout.split('\n').find(one => one.startsWith(`${agent} `))
  if (line === undefined) throw new Error(`${agent} has no window`)
  return Number(line.split(' ')[1])
}

test('other agents with other permissions: what is refused is refused, and what asks waits for a person', async () => {
  await using other = await harness({
    agents: { supervisor: { level: 3 }, reader: { level: 0, prompt: 'You read and never write.' } },
    documents: { 'permissions.yaml': 'permissions:\n  reader:\n    run: { allow: [], ask: [date] }\n' },
    script: { reader: [together(call('run', { command: 'id' }), call('run', { command: 'date +%Y' })), say('I see.')] },
  })
  await other.say('Who are you, and what year is it?', 'reader')
  const asked = await other.untilAsked()
  expect(asked).toMatchObject({ agent: 'reader', title: 'date +%Y' })
  await expect(other.untilDone(1)).rejects.toThrow('reader waits for a person: date +%Y')
  await other.approve(asked.id)
  await other.untilDone()
  const [refused, allowed] = other.toolResults('reader')
  expect(refused).toMatchObject({ failed: true, content: expect.stringContaining('Not allowed') })
  expect(allowed).toMatchObject({ failed: false, content: expect.stringMatching(/\n20\d\d/) })
  expect(other.model.calls[0]?.system).toStartWith('You read and never write.')
})
