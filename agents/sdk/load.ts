import { dirname, join } from 'node:path'
import type { ToolFile } from '../../desired-state/state.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { makeWorkspace } from '../../runtime/workspaces/layout.ts'
import type { SandboxRunner } from '../sandboxed.ts'
import type { UserTools } from './user-tools.ts'

const folderOf = (home: Home, agent: string) => join(home.root, 'tools', agent)

/** What an agent's sandbox has to see besides, so that its users' tools run in it; nothing for an agent without any. */
export const foldersOfTools = (home: Home, agent: string, files: readonly ToolFile[]): readonly string[] =>
  files.length === 0 ? [] : [folderOf(home, agent), import.meta.dir, zodFolder()]

/** The only package that the host of the tools needs. */
const zodFolder = () => dirname(Bun.resolveSync('zod/package.json', import.meta.dir))

/** Loads the tools of an agent's users as they are at the moment; nothing of this is in memory for an agent without any. */
export function userToolsOf(home: Home, agent: string, files: () => readonly ToolFile[], sandbox: SandboxRunner) {
  return async (taken: ReadonlySet<string>): Promise<UserTools> => {
    const now = files()
    if (now.length === 0) return { tools: [], prompts: [] }
    const folder = folderOf(home, agent)
    await makeDirectory(folder)
    await makeWorkspace(sandbox.workspace, agent)
    const { loadUserTools } = await import('./user-tools.ts')
    const run: Parameters<typeof loadUserTools>[0]['run'] = command =>
      sandbox.run(command, sandbox.workspace, AbortSignal.timeout(60_000))
    return loadUserTools({ folder, files: now, run, taken })
  }
}
