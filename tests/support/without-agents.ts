import type { Appliance } from './appliance.ts'
import type { Clone } from './clone.ts'

/** Delivers files and ends every agent with them, for whom a test has no need; until all is ready. */
export async function withoutAgents(appliance: Appliance, clone: Clone, files: Readonly<Record<string, string>>): Promise<void> {
  const { remote, revision } = await clone.deliver({ ...files, 'agents.yaml': 'agents: {}\n' })
  await appliance.command('approve', remote.join('\n').match(/approve ([0-9a-f]{12})/)?.[1] ?? '')
  await appliance.converged(revision)
}
