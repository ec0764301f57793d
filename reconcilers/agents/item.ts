import type { AgentDeclaration, AgentPolicy, DesiredState, Settings, ToolFile } from '../../desired-state/state.ts'
import { promptHash, shortHash } from '../../runtime/bus/declarations.ts'

export interface AgentItem {
  readonly type: 'agent'
  readonly name: string
  readonly level: number
  readonly description: string
  readonly prompt: string
  readonly model: string
  readonly maxTokens: number
  readonly policy: AgentPolicy
  readonly tools: readonly ToolFile[]
}

/** A window that shows something of the server. */
export interface ProgramItem {
  readonly type: 'program'
  readonly name: 'monitor' | 'logs'
}

export type Item = AgentItem | ProgramItem

const firstAgents = ['supervisor', 'code', 'data', 'infra', 'research', 'qa']
const programs = ['monitor', 'logs'] as const

const isProgram = (name: string) => programs.some(program => program === name)

/** The windows in their order: the six agents that everybody has, others by name, then the two programs. */
export function orderOf(names: Iterable<string>): string[] {
  const rank = (name: string) => {
    if (isProgram(name)) return name === 'monitor' ? 101 : 102
    const place = firstAgents.indexOf(name)
    return place === -1 ? 100 : place
  }
  return [...names].sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))
}

export function select(state: DesiredState): ReadonlyMap<string, Item> {
  const items = new Map<string, Item>()
  for (const agent of state.agents.values()) {
    if (!isProgram(agent.name)) items.set(agent.name, itemOf(agent, state.settings))
  }
  for (const name of programs) items.set(name, { type: 'program', name })
  return new Map(orderOf(items.keys()).flatMap(name => pair(name, items.get(name))))
}

const pair = (name: string, item: Item | undefined): [string, Item][] => (item === undefined ? [] : [[name, item]])

const itemOf = (agent: AgentDeclaration, settings: Settings): AgentItem => ({
  type: 'agent',
  name: agent.name,
  level: agent.level,
  description: agent.description,
  prompt: agent.promptText,
  model: agent.model,
  maxTokens: settings.agent_max_tokens,
  policy: agent.policy,
  tools: agent.tools,
})

/** A level is what an agent may do; everything else is how it does it. */
export function weigh(before: Item, after: Item): 'redefine' | 'adjust' {
  return before.type === 'agent' && after.type === 'agent' && before.level === after.level ? 'adjust' : 'redefine'
}

/** Hash of everything that a running process cannot take over. */
export function configurationOf(item: Item, version: string, generation: number): string {
  return item.type === 'agent' ? shortHash([item.name, item.level, version, generation]) : shortHash([item.name, 1])
}

export const promptHashOf = (item: AgentItem): string => promptHash(item)
