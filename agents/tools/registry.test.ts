import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { presets } from '../../desired-state/documents/presets.ts'
import { toolsOf } from './registry.ts'

const levels = { supervisor: 3, code: 1, data: 1, infra: 2, research: 1, qa: 1, somebody: 1 } as const
const names = (agent: string, level: 0 | 1 | 2 | 3) => toolsOf(agent, presets[level]).map(tool => tool.name)

test('the list of an agent is the same every time, names nothing twice, and every tool has a schema that a model can read', () => {
  for (const [agent, level] of Object.entries(levels)) {
    const tools = toolsOf(agent, presets[level])
    expect(names(agent, level)).toEqual(names(agent, level))
    expect(new Set(names(agent, level)).size).toBe(tools.length)
    for (const tool of tools) {
      expect(tool.name).toMatch(/^[a-z][a-z_]{1,60}$/)
      expect(tool.description.length).toBeGreaterThan(30)
      expect(z.toJSONSchema(tool.input, { io: 'input', unrepresentable: 'any' }).type).toBe('object')
    }
  }
})

test('each craft has its own, and nobody has what is another’s', () => {
  expect(names('supervisor', 3)).toContain('task_submit')
  expect(names('infra', 2)).toContain('deploy_publish')
  expect(names('qa', 1)).toContain('task_rework')
  expect(names('data', 1)).toContain('sql')
  expect(names('research', 1)).toContain('summary')
  expect(names('code', 1)).toContain('project_submit')
  const changing = ['domain_set', 'domain_remove', 'deploy_publish', 'task_submit', 'task_cancel']
  for (const agent of ['code', 'data', 'research', 'qa', 'somebody'])
    expect(names(agent, 1).filter(name => changing.includes(name))).toEqual([])
})

test('the lowest level looks at files, and has nothing else', () => {
  for (const agent of Object.keys(levels)) expect(names(agent, 0)).toEqual(['read', 'list', 'search'])
})

test('no agent has a tool that approves, or that changes what agents may do', () => {
  for (const [agent, level] of Object.entries(levels))
    expect(names(agent, level).filter(name => /approv|permission|policy|prompt|secret(?!_scan)|hook/.test(name))).toEqual([])
})

test('every tool that a prompt names is one that its agent has', () => {
  const every = new Set(Object.entries(levels).flatMap(([agent, level]) => names(agent, level)))
  for (const agent of ['supervisor', 'code', 'data', 'infra', 'research', 'qa'] as const) {
    const prompt = readFileSync(join(import.meta.dir, '../../desired-state/template/agents', `${agent}.md`), 'utf8')
    const named = [...prompt.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)]
      .map(match => match[1] ?? '')
      .filter(name => every.has(name) || name.includes('_'))
    const own = names(agent, levels[agent])
    expect({ agent, unknown: [...new Set(named)].filter(name => !own.includes(name)) }).toEqual({ agent, unknown: [] })
    expect(named.length).toBeGreaterThan(2)
  }
})
