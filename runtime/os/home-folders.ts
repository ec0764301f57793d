import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, explain } from './errors.ts'
import { makeDirectory, statIfExists } from './files.ts'
import type { Home } from './home.ts'
import { userName } from './user.ts'

/** Folder inside a home into which a backup is being restored; it is gone once all of it is in place. */
export const unfinishedRestore = '.restore'

/** Makes the folders that everything else expects; what holds sockets and secrets is closed to other users. */
export async function makeHome(home: Home): Promise<void> {
  if ((await statIfExists(join(home.root, unfinishedRestore))) !== undefined) {
    throw new ApplianceError('invalid', 'a backup was being restored into this home, and not all of it is in place', {
      subject: home.root,
      hint: 'run the same backup restore again, and it goes on; or empty the folder',
    })
  }
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
