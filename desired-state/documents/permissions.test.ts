import { describe, expect, test } from 'bun:test'
import { starterFiles } from '../git/init.ts'
import { mistakesIn, stateOf } from '../testing/tree.ts'
import { needsPerson } from './needs-person.ts'
import { presets } from './presets.ts'

const policyIn = (files: Record<string, string>, agent = 'code') => {
  const policy = stateOf(files).agents.get(agent)?.policy
  if (policy === undefined) throw new Error(`no ${agent}`)
  return policy
}

describe('permissions.yaml', () => {
  const mistakes = (text: string) => mistakesIn({ 'permissions.yaml': `permissions:\n${text}` })

  test('absent means the preset of the level', () => {
    const { agents } = stateOf({})
    for (const [name, level] of [
      ['supervisor', 3],
      ['code', 1],
      ['infra', 2],
    ] as const) {
      expect(agents.get(name)?.policy).toEqual(presets[level])
    }
  })

  test('a list alone allows, and a list that is written replaces its like', () => {
    const policy = policyIn({
      'permissions.yaml':
        'permissions:\n  code:\n    run: [git]\n    sql: { ask: [SELECT] }\n    max_memory_mb: 64\n    day_usd: 0\n',
    })
    expect(policy.run).toEqual({ ...presets[1].run, allow: ['git'] })
    expect(policy.sql).toEqual({ ...presets[1].sql, ask: ['SELECT'] })
    expect(policy.limits).toEqual({ ...presets[1].limits, max_memory_mb: 64 })
    expect(policy.budgets).toEqual({ ...presets[1].budgets, day_usd: 0 })
    expect(policyIn({ 'permissions.yaml': 'permissions:\n  code: { run: [] }\n' }).run.allow).toEqual([])
  })

  test('what a person approved for good takes nothing away that was allowed or asked before', () => {
    const policy = policyIn({ 'permissions.yaml': 'permissions:\n  infra:\n    verb: { always: [deploy.publish] }\n' }, 'infra')
    expect(policy.verb).toEqual({ ...presets[2].verb, always: ['deploy.publish'] })
  })

  test('what stands under default is for all, and under a name for that agent', () => {
    const files = { 'permissions.yaml': 'permissions:\n  default: { run: [ls], read: [www] }\n  code: { run: [git] }\n' }
    expect(policyIn(files).run.allow).toEqual(['git'])
    expect(policyIn(files).read.allow).toEqual(['www'])
    expect(policyIn(files, 'qa').run.allow).toEqual(['ls'])
  })

  test('a level here is the beginning of the rules', () => {
    expect(policyIn({ 'permissions.yaml': 'permissions:\n  code: { level: 0 }\n' })).toEqual(presets[0])
    expect(mistakes('  code: { level: 4 }\n')).toEqual([expect.stringMatching(/^permissions.yaml:2:18: level must be 0 /)])
  })

  test('an agent that is not declared is a mistake, with the one that was meant, unless it is one of the starter', () => {
    expect(mistakes('  cdoe: {}\n  nobody: {}\n')).toEqual([
      'permissions.yaml:2:3: no agent is called "cdoe"; did you mean "code"?',
      'permissions.yaml:3:3: no agent is called "nobody": the names here are supervisor, code, data, infra, research, qa, default',
    ])
    expect(mistakesIn({ 'agents.yaml': 'agents: {}', 'permissions.yaml': 'permissions: { qa: {} }' })).toEqual([])
    expect(mistakesIn({ 'agents.yaml': 'agents: { a-: 3 }', 'permissions.yaml': 'permissions: { writer: {} }' })).toEqual([
      expect.stringMatching(/^agents.yaml/),
    ])
  })

  test('every unknown key and wrong rule is named where it stands', () => {
    expect(
      mistakes(
        [
          '  code:',
          '    raed: [workspace]',
          '    net: ["github.com:443"]',
          '    read: [workspce, ../etc, "www/../keys"]',
          '    run: { alow: [git] }',
          '    env: ["1X"]',
          '    sql: [SELECT, SELEKT]',
          '    verb: { deny: [domain] }',
          '    max_file_size_mb: 0',
        ].join('\n'),
      ),
    ).toEqual([
      'permissions.yaml:3:5: unknown key "raed"; did you mean "read"?',
      'permissions.yaml:4:5: connections are allowed in network.yaml: move this there',
      'permissions.yaml:5:12: "workspce" is no path; did you mean "workspace"?',
      'permissions.yaml:5:22: a path cannot contain "..": write where it leads',
      'permissions.yaml:5:30: a path cannot contain "..": write where it leads',
      'permissions.yaml:6:12: unknown key "alow"; did you mean "allow"?',
      'permissions.yaml:7:11: a variable is written like LANG, or LC_* for all that begin so',
      'permissions.yaml:8:19: "SELEKT" begins with no statement of SQL; did you mean "SELECT"?',
      'permissions.yaml:9:20: a verb is written like domain.set, domain.* or *',
      'permissions.yaml:10:23: max_file_size_mb must be at least 1, and is 0',
    ])
  })
})

describe('network.yaml', () => {
  const mistakes = (text: string) => mistakesIn({ 'network.yaml': `network:\n${text}` })

  test('an empty list denies everything, and limits are those of the agent', () => {
    const policy = policyIn({
      'network.yaml': 'network:\n  default: { max_connections: 3 }\n  code: { allow: [], rate_limit_requests_per_minute: 7 }\n',
    })
    expect(policy.net).toEqual({ allow: [], deny: presets[1].net.deny, ask: [] })
    expect(policy.limits).toMatchObject({ max_connections: 3, rate_limit_requests_per_minute: 7 })
    expect(policyIn({ 'network.yaml': 'network: {}' }).net).toEqual(presets[1].net)
  })

  test('a rule that could never match, or matches more than it says, is a mistake', () => {
    const rule = (text: string) =>
      mistakes(`  code: { allow: [${JSON.stringify(text)}] }\n`)[0]?.replace('network.yaml:2:19: ', '')
    expect(rule('https://github.com')).toMatch(/^"https:\/\/github.com" is a URL: write its host and port/)
    expect(rule('github.com')).toBe('"github.com" has no port: write github.com:443, or github.com:* for all of them')
    expect(rule('10.0.0.0/8:443')).toMatch(/has a path or range/)
    expect(rule('github.com:99999')).toBe('99999 is no port: write one from 1 to 65535, or *')
    expect(rule('git*hub.com:443')).toMatch(/^\* stands for whole parts of a name/)
    expect(rule('example.*:443')).toMatch(/allows names that others can register/)
    expect(rule('a b:443')).toMatch(/is no host with a port/)
    expect(rule('secretsmanager.*.amazonaws.com:443')).toBeUndefined()
    expect(rule('[2001:db8::1]:443')).toBeUndefined()
    expect(mistakes('  code: { allow: ["*:443"], deny: ["10.*:*", "*.onion:*"], maxconnections: 3 }\n  nobody: {}\n')).toEqual([
      'network.yaml:2:60: unknown key "maxconnections"; did you mean "max_connections"?',
      expect.stringMatching(/^network.yaml:3:3: no agent is called "nobody"/),
    ])
  })
})

test('the starter repository gives each agent the programs, statements and hosts of its role', async () => {
  const { agents } = stateOf(Object.fromEntries(await starterFiles()))
  const policy = (name: string) => agents.get(name)?.policy ?? presets[0]
  expect(policy('code').run.allow).toContain('cargo')
  expect(policy('data').sql.deny).toContain('DELETE without WHERE')
  expect(policy('research').net.allow).toEqual(['*:443'])
  expect(policy('research').limits.rate_limit_requests_per_minute).toBe(100)
  expect(policy('data').net.allow).toEqual([])
  expect(policy('supervisor').run.ask).toEqual(['rm -rf'])
})

test("an agent's commit leaves agents, prompts, permissions and everything else that becomes a command to a person", () => {
  const edits = (...paths: string[]) => new Map(paths.map(path => [path, 'x']))
  expect(needsPerson(edits('domains.yaml', 'dns.yaml'))).toEqual([])
  for (const path of [
    'permissions.yaml',
    'network.yaml',
    'agents.yaml',
    'agents/code.md',
    'settings.yaml',
    'plugins.yaml',
    'schedules.yaml',
    'TELOS/mission.md',
    'hooks/x',
    './domains.yaml',
  ]) {
    expect(needsPerson(edits('domains.yaml', path))).toEqual([path])
  }
})
