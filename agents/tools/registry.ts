import type { AgentPolicy, Rules } from '../../desired-state/state.ts'
import { dataTools } from './data.ts'
import { databaseTools } from './databases.ts'
import { dnsTools } from './dns.ts'
import { readingTools, writingTools } from './files.ts'
import { projectReadingTools, projectTools } from './projects.ts'
import { qualityTools } from './quality.ts'
import { researchTools, webTools } from './research.ts'
import { runTool } from './run.ts'
import { lookingTools, serverTools } from './server.ts'
import { consult, handoff, rework, supervisorTools } from './supervision.ts'
import type { Tool } from './tool.ts'

/** Whether any of it can ever be allowed. */
const possible = ({ allow, ask }: Rules): boolean => allow.length + ask.length > 0

/**
 * The tools of an agent, in an order that depends on nothing but its name and what its policy can allow at all: the list is
 * the beginning of every request to the model, and stays the same to the byte.
 */
export function toolsOf(agent: string, policy: AgentPolicy): readonly Tool[] {
  const everybody: readonly Tool[] = [
    ...readingTools,
    ...(possible(policy.write) ? writingTools : []),
    ...(possible(policy.run) ? [runTool(policy)] : []),
  ]
  const spoken = possible(policy.verb) ? [consult, handoff] : []
  return [...everybody, ...craftOf(agent, policy), ...spoken]
}

function craftOf(agent: string, policy: AgentPolicy): readonly Tool[] {
  if (!possible(policy.verb)) return []
  const projects = possible(policy.run) && possible(policy.write) ? projectTools : []
  const web = possible(policy.run) && possible(policy.net) ? webTools : []
  switch (agent) {
    case 'supervisor':
      return [...supervisorTools, ...lookingTools, ...projectReadingTools]
    case 'infra':
      return [...serverTools, ...dnsTools, ...projectReadingTools]
    case 'data':
      return [...dataTools, ...databaseTools, ...projects, ...web]
    case 'research':
      return [...web, ...researchTools, ...projectReadingTools]
    case 'qa':
      return [...projectReadingTools, ...(possible(policy.run) ? qualityTools(policy) : []), rework, ...web]
    default:
      return [...projects, ...web]
  }
}
