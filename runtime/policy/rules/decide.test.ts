import { describe, expect, test } from 'bun:test'
import type { AgentPolicy } from '../../../desired-state/state.ts'
import type { Need } from '../action.ts'
import { decideNeeds } from './decide.ts'
import { policyWith, rules } from './testing/policy.ts'

const places = { workspace: '/h/workspaces/code', www: '/h/www', projects: '/h/projects', logs: '/h/logs' }
const decide = (policy: AgentPolicy, ...needs: readonly Need[]) => decideNeeds(policy, needs, { agent: 'code', places })

describe('rules', () => {
  const verb: Need = { kind: 'verb', verb: 'domain.set', input: {} }

  test('deny beats ask beats allow, and what nothing matches is denied', async () => {
    const decided = async (allow: string[], deny: string[], ask: string[]) =>
      (await decide(policyWith({ verb: rules(allow, deny, ask) }), verb)).decision
    expect(await decided(['domain.*'], [], [])).toBe('allow')
    expect(await decided(['domain.set'], [], ['domain.*'])).toBe('ask')
    expect(await decided(['domain.set'], ['*'], ['domain.set'])).toBe('deny')
    expect(await decided(['domain.remove', 'domain', 'dom.*'], [], [])).toBe('deny')
  })

  test('what a person approved for good is not asked again, and denied all the same', async () => {
    const decided = async (deny: string[], always: string[]) =>
      (await decide(policyWith({ verb: { ...rules([], deny, ['domain.*']), always } }), verb)).decision
    expect(await decided([], ['domain.set'])).toBe('allow')
    expect(await decided([], ['domain.remove'])).toBe('ask')
    expect(await decided(['domain.*'], ['domain.set'])).toBe('deny')
  })

  test('a refusal names the rule, and the file where it is changed', async () => {
    expect(await decide(policyWith({ verb: rules(['*'], ['domain.*']) }), verb)).toEqual({
      decision: 'deny',
      reason: 'the verb domain.set is denied by the rule "domain.*" in deny under permissions.code.verb (permissions.yaml)',
      matched: [{ word: 'verb', list: 'deny', rule: 'domain.*' }],
    })
    expect((await decide(policyWith({}), verb)).reason).toBe(
      'nothing allows the verb domain.set: add it to allow under permissions.code.verb (permissions.yaml)',
    )
    expect((await decide(policyWith({}), { kind: 'net', host: 'example.com', port: 443 })).reason).toBe(
      'nothing allows connecting to example.com:443: add it to allow under network.code (network.yaml)',
    )
  })

  test('every need must be allowed: one that asks makes the whole ask, one that is denied denies it', async () => {
    const policy = policyWith({ read: rules(['workspace']), verb: rules([], [], ['domain.*']) })
    const read: Need = { kind: 'read', path: '/h/workspaces/code/a' }
    const elsewhere: Need = { kind: 'read', path: '/etc/shadow' }
    expect((await decide(policy, read)).decision).toBe('allow')
    expect((await decide(policy, read, verb)).decision).toBe('ask')
    expect((await decide(policy, read, verb, elsewhere)).decision).toBe('deny')
    expect((await decide(policy)).decision).toBe('allow')
  })
})

describe('paths', () => {
  const policy = policyWith({
    read: rules(['workspace', 'www/blog', '/srv/data'], ['workspace/secret']),
    write: rules(['workspace/out']),
  })
  const read = async (path: string) => (await decide(policy, { kind: 'read', path })).decision

  test('a rule is a folder with everything below it, and no neighbour whose name begins alike', async () => {
    expect(await read('/h/workspaces/code')).toBe('allow')
    expect(await read('/h/workspaces/code/a/b')).toBe('allow')
    expect(await read('/h/workspaces/code2/a')).toBe('deny')
    expect(await read('/h/www/blog/index.html')).toBe('allow')
    expect(await read('/h/www/other/index.html')).toBe('deny')
    expect(await read('/srv/data/x')).toBe('allow')
    expect(await read('/h/workspaces/code/secret/key')).toBe('deny')
  })

  test('paths through .., doubled slashes, NUL and relative paths lead nowhere else', async () => {
    expect(await read('/h/workspaces/code/../qa/notes')).toBe('deny')
    expect(await read('/h/workspaces/code/a/../../../../etc/passwd')).toBe('deny')
    expect(await read('/h/workspaces/code/a/../secret/key')).toBe('deny')
    expect(await read('//h//workspaces/code/./secret//key')).toBe('deny')
    expect(await read('a/b')).toBe('deny')
    expect(await read('/h/workspaces/code/a\0/etc')).toBe('deny')
    expect(await read('/proc/self/root/etc/shadow')).toBe('deny')
  })

  test('what may be written can be read, unless a rule denies the reading', async () => {
    const writer = policyWith({ write: rules(['workspace']), read: rules([], ['workspace/secret']) })
    expect((await decide(writer, { kind: 'read', path: '/h/workspaces/code/a' })).decision).toBe('allow')
    expect((await decide(writer, { kind: 'read', path: '/h/workspaces/code/secret' })).decision).toBe('deny')
    expect((await decide(policy, { kind: 'write', path: '/h/workspaces/code/a' })).decision).toBe('deny')
  })
})
