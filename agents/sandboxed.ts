import { join } from 'node:path'
import type { AgentPolicy } from '../desired-state/state.ts'
import type { Home } from '../runtime/os/home.ts'
import type { Sandbox } from '../runtime/sandbox/sandbox.ts'
import { insideFolder } from './tools/inside.ts'
import type { WorkplaceDeps } from './workplace.ts'

export interface SandboxRunner extends WorkplaceDeps {
  /** Ends the boundary and everything that still runs behind it. */
  stop(): Promise<void>
}

/** The sandbox of this process, which is made with the first command; each command obeys the policy of its moment. */
export function createSandboxRunner(
  home: Home,
  agent: string,
  policy: () => AgentPolicy,
  more: () => readonly string[],
): SandboxRunner {
  const workspace = join(home.workspaces, agent)
  let made: Sandbox | undefined
  const { www, projects, logs, releases } = home
  return {
    workspace,
    async run(command, folder, signal) {
      const [{ createSandbox }, { sandboxPolicyOf }] = await Promise.all([
        import('../runtime/sandbox/create.ts'),
        import('../runtime/sandbox/policy.ts'),
      ])
      made ??= createSandbox()
      const places = { workspace, www, projects, logs, releases, folder, toolHelper: insideFolder, bun: process.execPath }
      const allowed = sandboxPolicyOf(policy(), places)
      return made.run(command, { ...allowed, read: [...allowed.read, ...more()] }, signal)
    },
    async stop() {
      await made?.stop()
    },
  }
}
