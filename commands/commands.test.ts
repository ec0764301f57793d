import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { parseDuration } from '../web/api/duration.ts'
import { readArguments, readResource } from './arguments.ts'
import { attachArguments } from './attach.ts'
import { cloneCommandFor, shellWord } from './screen.ts'
import { statusLines } from './status.ts'
import { ago, table } from './table.ts'

/** How a shell splits the command: its words, one a line, as `printf` gets them in Git's place. */
const words = async (command: string): Promise<string[]> => {
  const script = new TextEncoder().encode(command.replace(/^git/, 'printf "%s\\n"'))
  const shell = Bun.spawn(['bash', '-s'], { stdin: script, stdout: 'pipe' })
  return (await new Response(shell.stdout).text()).trim().split('\n')
}

test('the clone command is one shell line that names the repository', async () => {
  expect(cloneCommandFor('/home/me/.local/state/ai-infra/desired-state.git', { kind: 'self' })).toBe(
    'git clone /home/me/.local/state/ai-infra/desired-state.git',
  )
  expect(await words(cloneCommandFor("/srv/it's here/desired-state.git", { kind: 'self' }))).toEqual([
    'clone',
    "/srv/it's here/desired-state.git",
  ])
})

test('root clones through the Git programs run as the user of the appliance', async () => {
  const command = cloneCommandFor('/var/lib/ai-infra/desired-state.git', {
    kind: 'dropped',
    user: 'ai-infra',
    through: 'setpriv',
  })
  const upload = 'setpriv --reuid=ai-infra --regid=ai-infra --init-groups --reset-env git-upload-pack'
  expect(await words(command)).toEqual([
    'clone',
    '-c',
    `remote.origin.uploadpack=${upload}`,
    '-c',
    `remote.origin.receivepack=${upload.replace('upload', 'receive')}`,
    `--upload-pack=${upload}`,
    'file:///var/lib/ai-infra/desired-state.git',
  ])
})

test('a shell word survives any character', async () => {
  const nasty = `a'b"c$HOME;\`id\` *`
  expect(await words(`git ${shellWord(nasty)}`)).toEqual([nasty])
})

test('attaching names the window exactly, never as a pattern', () => {
  expect(attachArguments('/s', 'code')).toEqual(['tmux', '-S', '/s', 'attach-session', '-t', '=ai-infrastructure:=code'])
})

test('a word that is missing is named', () => {
  expect(() => readArguments([], {}, { least: 1, most: 1, missing: 'which ID to approve' })).toThrow('say which ID to approve')
})

test('a resource is KIND/KEY', () => {
  expect(readResource('site/blog.example.com')).toEqual({ kind: 'site', key: 'blog.example.com' })
  for (const wrong of [undefined, 'site', '/x', 'site/']) expect(() => readResource(wrong)).toThrow('KIND/KEY')
})

test('durations are a number and a unit, at most a year', () => {
  expect(parseDuration('30m')).toBe(1_800_000)
  for (const wrong of ['', '5', '0h', '-1h', '1.5h', '999999w', '2 h', 'h'])
    expect(() => parseDuration(wrong)).toThrow('duration')
})

test('status says a long message once, and names the resource that has it', () => {
  const agent = (key: string, message: string) => ({
    kind: 'agent',
    key,
    state: 'ready',
    reason: '',
    message,
    revision: 'a',
    since: at,
  })
  const at = '2026-01-01T00:00:00.000Z'
  const noKey = 'cannot answer yet: set the key in the environment of the appliance'
  const resources = [agent('code', noKey), agent('data', noKey), agent('qa', 'busy'), agent('infra', 'busy')]
  const lines = statusLines({ revision: 'a', desired: 'a', converged: true, resources }, new Date(at))
  expect(lines.slice(3)).toEqual([
    `ready  agent/code   0 s    ${noKey}`,
    'ready  agent/data   0 s    as agent/code',
    'ready  agent/qa     0 s    busy',
    'ready  agent/infra  0 s    busy',
  ])
})

test('tables align, and ages are short', () => {
  expect(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toEqual(['a    bb', 'ccc  d'])
  const now = new Date('2026-01-02T00:00:00Z')
  expect([ago('2026-01-01T23:59:18Z', now), ago('2026-01-01T21:00:00Z', now), ago('2025-12-20T00:00:00Z', now)]).toEqual([
    '42 s',
    '3 h',
    '13 d',
  ])
})

test('a reader that goes away ends nothing and prints no trace', async () => {
  const child = Bun.spawn([process.execPath, '--no-env-file', join(import.meta.dir, '..', 'main.ts'), 'help'], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  await child.stdout.cancel()
  expect(await new Response(child.stderr).text()).toBe('')
  expect(await child.exited).toBe(0)
})
