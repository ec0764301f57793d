import { chmod } from 'node:fs/promises'
import { ApplianceError, explain } from './errors.ts'
import { makeDirectory } from './files.ts'
import type { Home } from './home.ts'

/** Makes the folders that everything else expects; what holds sockets and secrets is closed to other users. */
export async function makeHome(home: Home): Promise<void> {
  try {
    for (const path of [home.root, home.www, home.releases, home.archive, home.workspaces, home.memory, home.logs]) {
      await makeDirectory(path)
    }
    for (const path of [home.run, home.keys, home.audit, home.backups]) {
      await makeDirectory(path, 0o700)
      await chmod(path, 0o700)
    }
  } catch (cause) {
    throw new ApplianceError('failed', `AI_INFRA_HOME cannot be used: ${explain(cause)}`, {
      subject: home.root,
      hint: 'make the folder belong to the user that runs the appliance, or set AI_INFRA_HOME to another one',
      cause,
    })
  }
}
