import { chmod, stat } from 'node:fs/promises'
import { ApplianceError, explain } from './errors.ts'
import { makeDirectory } from './files.ts'
import type { Home } from './home.ts'
import { userName } from './user.ts'

/** Makes the folders that everything else expects; what holds sockets and secrets is closed to other users. */
export async function makeHome(home: Home): Promise<void> {
  try {
    const { root, www, releases, archive, workspaces, projects, memory, logs } = home
    for (const path of [root, www, releases, archive, workspaces, projects, memory, logs]) await makeDirectory(path)
    await closeToOthers(home.root)
    for (const path of [home.run, home.keys, home.audit, home.backups]) {
      await makeDirectory(path, 0o700)
      await chmod(path, 0o700)
    }
  } catch (cause) {
    throw new ApplianceError('failed', `AI_INFRA_HOME cannot be used: ${explain(cause)}`, {
      subject: home.root,
      hint: `make the folder belong to the user that runs the appliance (chown ${userName()}: ${home.root}), or set AI_INFRA_HOME to another one`,
      cause,
    })
  }
}

/** Logs, archived sites and the files of private repositories are below; who should reach them joins our group. */
async function closeToOthers(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o007) !== 0) await chmod(path, mode & 0o770)
}
