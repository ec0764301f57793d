import { chmod, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, systemCode } from '../os/errors.ts'

/** `working/<task>` is where a task is done, `temp` is emptied after a day, `cache` stays. */
const common = ['working', 'temp', 'cache'] as const

/** What a craft keeps besides. Projects are Git worktrees below `working/<task>`, of the stores in `cache/projects`. */
const ofCraft: Readonly<Record<string, readonly string[]>> = {
  data: ['exports'],
  infra: ['backups'],
  research: ['downloads', 'summaries'],
  qa: ['reports', 'coverage'],
}

/** The folders of an agent's workspace. */
export const workspaceFolders = (agent: string): readonly string[] => [...common, ...(ofCraft[agent] ?? [])]

/** Makes the folders of a workspace, for its owner alone. A link in the place of one is refused: nobody follows it. */
export async function makeWorkspace(workspace: string, agent: string): Promise<void> {
  await mkdir(workspace, { recursive: true, mode: 0o700 })
  await chmod(workspace, 0o700)
  for (const name of workspaceFolders(agent)) await makeFolder(join(workspace, name))
}

/** A folder for its owner alone, and no link in its place. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch(error => {
    if (systemCode(error) !== 'EEXIST') throw error
  })
  if ((await lstat(path)).isDirectory()) return
  throw new ApplianceError('stalled', `${path} is no folder`, { hint: 'move away what is in its place' })
}
