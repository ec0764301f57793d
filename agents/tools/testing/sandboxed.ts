import { mkdtempSync, realpathSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentPolicy } from '../../../desired-state/state.ts'
import { homeAt } from '../../../runtime/os/home.ts'
import { createSandbox } from '../../../runtime/sandbox/create.ts'
import { sandboxPolicyOf } from '../../../runtime/sandbox/policy.ts'
import { insideFolder } from '../inside.ts'
import type { ToolContext } from '../tool.ts'
import { type Bench, benchAt } from './bench.ts'

export interface SandboxedBench extends Bench {
  /** Another agent of the same appliance, in the same sandbox. */
  as(agent: string): Promise<ToolContext>
}

/** Like {@link toolBench}, with every command behind the boundary of the operating system. */
export async function sandboxedBench(agent: string, policy: AgentPolicy): Promise<SandboxedBench> {
  const home = homeAt(realpathSync(mkdtempSync(join(tmpdir(), 'tb-'))))
  const sandbox = createSandbox()
  for (const path of [home.www, home.releases, home.projects, home.logs, home.keys]) await mkdir(path, { recursive: true })
  const runOf =
    (name: string, folder: string): ToolContext['run'] =>
    command => {
      const workspace = join(home.workspaces, name)
      const { www, projects, logs, releases } = home
      const places = { workspace, folder, www, projects, logs, releases, toolHelper: insideFolder, bun: process.execPath }
      return sandbox.run(command, sandboxPolicyOf(policy, places), new AbortController().signal)
    }
  const bench = await benchAt(home, agent, runOf)
  return {
    ...bench,
    as: async name => (await benchAt(home, name, runOf)).context,
    async [Symbol.asyncDispose]() {
      await sandbox.stop()
      await rm(home.root, { recursive: true, force: true })
    },
  }
}
