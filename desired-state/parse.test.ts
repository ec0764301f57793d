import { describe, expect, test } from 'bun:test'
import { presets } from './documents/presets.ts'
import { starterFiles } from './git/init.ts'
import { parseTree } from './parse.ts'
import { mistakesIn, rendered, stateOf, treeOf } from './testing/tree.ts'
import type { TreeEntry } from './tree.ts'

const at = (path: string, mode: string): TreeEntry => ({ path, mode, bytes: new TextEncoder().encode('../secret') })

test('an empty repository means the six starter agents, no domains and the default settings', () => {
  const state = stateOf({})
  expect([...state.agents.values()].map(({ name, level, model }) => [name, level, model])).toEqual([
    ['supervisor', 3, 'claude-sonnet-5-5'],
    ['code', 1, 'claude-sonnet-5-5'],
    ['data', 1, 'claude-sonnet-5-5'],
    ['infra', 2, 'claude-sonnet-5-5'],
    ['research', 1, 'claude-sonnet-5-5'],
    ['qa', 1, 'claude-sonnet-5-5'],
  ])
  expect(state.agents.get('qa')?.promptText).toContain('# Quality')
  expect(state.settings).toEqual({
    tls: 'none',
    agent_model: 'claude-sonnet-5-5',
    agent_max_tokens: 4096,
    session_timeout_minutes: 60,
    search_provider: 'none',
    ...{ certificate_issuer: 'letsencrypt', certificate_issuer_ca: '', certificate_email: '', public_addresses: [] },
    ...{ auto_backup_enabled: true, backup_schedule: '0 2 * * *', backup_retention_days: 30, backup_to_github: true },
    secret_store: 'age',
    look_interval_seconds: 30,
    allowed_signers: [],
  })
})

test('the starter repository has no mistake and says the same as an empty one, but what agents may do', async () => {
  const state = stateOf(Object.fromEntries(await starterFiles()))
  const withoutPolicy = (agents: typeof state.agents) => [...agents.values()].map(agent => ({ ...agent, policy: undefined }))
  expect(withoutPolicy(state.agents)).toEqual(withoutPolicy(stateOf({}).agents))
  expect(state.settings).toEqual(stateOf({}).settings)
  expect([...state.telos.keys()].sort()).toEqual(['mission.md', 'priorities.md', 'success.md', 'values.md', 'vision.md'])
})

describe('agents', () => {
  const agents = (text: string, more: Record<string, string> = {}) =>
    mistakesIn({ 'agents.yaml': `agents:\n${text}`, 'agents/code.md': 'x', ...more })

  test('have the prompt of their name and the level restricted unless they say otherwise', () => {
    const state = stateOf({ 'agents.yaml': 'agents:\n  writer: {}\n', 'agents/writer.md': 'You write.' })
    expect(state.agents.get('writer')).toEqual({
      name: 'writer',
      level: 0,
      prompt: 'agents/writer.md',
      promptText: 'You write.',
      tools: [],
      model: 'claude-sonnet-5-5',
      description: '',
      policy: presets[0],
    })
  })

  test('without a name that tmux could read as a target', () => {
    for (const name of [
      'a:b',
      '-x',
      '.',
      'a.b',
      '=a',
      '@1',
      '%1',
      '$0',
      '"a b"',
      'A',
      '0',
      '"a\\nb"',
      '"{last}"',
      '"!"',
      'x'.repeat(33),
    ]) {
      expect(agents(`  ${/^[=@%]/.test(name) ? `"${name}"` : name}: { prompt: agents/code.md }\n`)).toEqual([
        expect.stringMatching(/^agents.yaml:2:3: .* cannot name an agent: write a small letter/),
      ])
    }
  })

  test('leave the windows of the appliance alone', () => {
    expect(agents('  logs: { prompt: agents/code.md }\n')).toEqual([
      'agents.yaml:2:3: logs is a window of the appliance itself: choose another name',
    ])
  })

  test('with a prompt that is missing, misspelt, empty or elsewhere are refused', () => {
    expect(agents('  code: { prompt: agents/cod.md }\n')).toEqual([
      'agents.yaml:2:19: the prompt agents/cod.md of code does not exist; did you mean agents/code.md?',
    ])
    expect(agents('  writer: { level: 1 }\n')).toEqual([
      'agents.yaml:2:11: the prompt agents/writer.md of writer does not exist: add that file, or name another with prompt:',
    ])
    expect(agents('  code: {}\n', { 'agents/code.md': ' \n' })).toEqual([
      'agents/code.md:1:1: this prompt is empty: write what the agent is for',
    ])
    for (const path of ['../secret.md', '/etc/passwd', 'agents/../x.md', 'code.md', 'agents/code.txt']) {
      expect(agents(`  code: { prompt: ${path} }\n`)).toEqual([
        'agents.yaml:2:19: prompt must be a Markdown file below agents/, like agents/code.md',
      ])
    }
  })

  test('with an unknown level are refused', () => {
    expect(agents('  code: { level: 4 }\n')).toEqual([
      'agents.yaml:2:18: level must be 0 (restricted), 1 (standard), 2 (elevated) or 3 (privileged)',
    ])
  })
})

describe('settings out of range get the range', () => {
  const cases: readonly [string, string][] = [
    ['tsl: acme', '1:1: unknown key "tsl"; did you mean "tls"?'],
    ['tls: yes', '1:6: tls must be none, self-signed or acme, and is "yes"'],
    ['session_timeout_minutes: 4', '1:26: session_timeout_minutes must be at least 5, and is 4'],
    ['agent_max_tokens: 100', '1:19: agent_max_tokens must be at least 256, and is 100'],
    ['session_timeout_minutes: 481', '1:26: session_timeout_minutes must be at most 480, and is 481'],
    ['look_interval_seconds: 7.5', '1:24: look_interval_seconds must be a whole number, and is 7.5'],
    ['agent_model: "a; b"', '1:14: a model is named like claude-sonnet-5-5: letters, digits and . _ : @ / -'],
  ]
  for (const [text, mistake] of cases) {
    test(text, () => expect(mistakesIn({ 'settings.yaml': `${text}\n` })).toEqual([`settings.yaml:${mistake}`]))
  }
})

describe('files', () => {
  test('that are links or submodules are refused wherever they are', () => {
    const tree = [at('TELOS/mission.md', '120000'), at('docs/x', '120000'), at('vendor', '160000')]
    expect(rendered(parseTree(tree, ''))).toEqual([
      'TELOS/mission.md:1:1: this is a symbolic link: commit the file itself',
      'docs/x:1:1: this is a symbolic link: commit the file itself',
      'vendor:1:1: this is a submodule: commit the files themselves',
    ])
  })

  test('that look like documents and are none are named with what was meant', () => {
    expect(
      mistakesIn({ 'domain.yaml': '', 'Settings.yaml': '', 'agents.yml': '', 'schedules.yaml': '', 'compose.yaml': '' }),
    ).toEqual([
      'Settings.yaml:1:1: no such document; did you mean "settings.yaml"?',
      'agents.yml:1:1: this file is not read under this name: rename it to agents.yaml',
      'compose.yaml:1:1: no such document: the documents are agents.yaml, domains.yaml, dns.yaml, settings.yaml, permissions.yaml, network.yaml, databases.yaml, secrets.age.yaml, backups.yaml; put other files into a folder',
      'domain.yaml:1:1: no such document; did you mean "domains.yaml"?',
      'schedules.yaml:1:1: schedules.yaml is not supported by this version yet: remove it for now',
    ])
  })

  test("of the operator's own are left alone", () => {
    const own = {
      'README.md': 'x',
      '.gitignore': 'x',
      '.github/workflows/ci.yaml': ':',
      'notes/a.txt': '\xff',
      'bunfig.toml': 'x',
      '.env': 'x',
    }
    expect(mistakesIn({ ...own, '.gitattributes': '*.yaml export-ignore filter=evil\n' })).toEqual([])
  })

  test('that were too large to be read are named with their size', () => {
    const tree: TreeEntry[] = [{ path: 'domains.yaml', mode: '100644', size: 10_485_760, bytes: undefined }]
    expect(rendered(parseTree(tree, ''))).toEqual([
      'domains.yaml:1:1: the file has 10485760 bytes, and a document may have 1048576: make it smaller',
    ])
  })

  test('too many of them are refused', () => {
    const tree = treeOf(Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`f/${n}`, ''])))
    expect(rendered(parseTree(tree, ''))).toEqual(['.:1:1: this repository has 10001 files, and may have 10000: remove some'])
  })
})

test('mistakes of all documents come at once, in the order of files and lines', () => {
  const all = mistakesIn({
    'agents.yaml': 'agents:\n  Code: {}\n  logs: {}\n',
    'domains.yaml': 'domains:\n  A.example.com: { root: a }\n',
    'settings.yaml': 'tls: x\n',
  })
  expect(all.map(line => line.split(' ')[0])).toEqual([
    'agents.yaml:2:3:',
    'agents.yaml:3:3:',
    'domains.yaml:2:3:',
    'settings.yaml:1:6:',
  ])
})

test('a broken settings.yaml does not blame the domains for its tls', () => {
  expect(
    mistakesIn({ 'settings.yaml': 'tls: acne\n', 'domains.yaml': 'domains:\n  p.example.com: { portal: true }\n' }),
  ).toHaveLength(1)
})

test('what a terminal would obey is shown, not obeyed', () => {
  const [line] = mistakesIn({ 'domains.yaml': 'domains:\n  "\\e[2Ja.example.com": { root: a }\n' })
  expect(line).not.toMatch(/\p{Cc}/u)
  expect(rendered(parseTree([at('a\u001b[31m\u202eb', '120000')], ''))).toEqual([
    'a\\u001b[31m\\u202eb:1:1: this is a symbolic link: commit the file itself',
  ])
})
