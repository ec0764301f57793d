import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentPolicy } from '../../../desired-state/state.ts'
import { type SandboxPlaces, sandboxPolicyOf } from '../policy.ts'
import type { Sandbox, SandboxPolicy, SandboxResult } from '../sandbox.ts'

/** A home as an appliance has it, with the folders of two agents and things that no command may see. */
export interface Places extends SandboxPlaces, AsyncDisposable {
  readonly home: string
  /** Workspace of another agent. */
  readonly other: string
}

export async function somePlaces(): Promise<Places> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'sb-')))
  const at = (...parts: string[]) => join(home, ...parts)
  for (const folder of ['workspaces/code/temp', 'workspaces/qa', 'www', 'projects', 'logs', 'keys', 'run', 'postgres', 'tools']) {
    await mkdir(at(folder), { recursive: true })
  }
  await Bun.write(at('keys/secret'), 'the key of the kingdom')
  await Bun.write(at('workspaces/qa/notes'), 'notes of qa')
  await Bun.write(at('www/index.html'), 'a page')
  await Bun.write(at('tools/helper.js'), 'console.log("helped")')
  return {
    home,
    workspace: at('workspaces/code'),
    other: at('workspaces/qa'),
    folder: at('workspaces/code'),
    www: at('www'),
    projects: at('projects'),
    logs: at('logs'),
    toolHelper: at('tools/helper.js'),
    bun: process.execPath,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  }
}

/** Runs lines for bash in the workspace, each under the policy, or under the one that it is given. */
export function shellIn(sandbox: Sandbox, places: Places, policy: AgentPolicy) {
  return (line: string, changes: Partial<SandboxPolicy> = {}, signal = new AbortController().signal): Promise<SandboxResult> =>
    sandbox.run({ argv: ['bash', '-c', line], cwd: places.folder }, { ...sandboxPolicyOf(policy, places), ...changes }, signal)
}
