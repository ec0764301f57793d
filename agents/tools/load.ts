import type { AgentPolicy } from '../../desired-state/state.ts'
import type { Tool } from './tool.ts'

/** The tools of an agent. Nothing of them is loaded before the first call, so that an idle agent stays small. */
export async function loadTools(agent: string, policy: AgentPolicy): Promise<readonly Tool[]> {
  const { toolsOf } = await import('./registry.ts')
  return toolsOf(agent, policy)
}
