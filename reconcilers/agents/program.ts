import { join } from 'node:path'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { minimalEnvironment } from '../../runtime/os/spawn.ts'
import type { WindowProgram } from '../../runtime/services/tmux-commands.ts'
import type { Item } from './item.ts'

export interface ProgramPlaces {
  readonly home: Home
  /** Folder of the program: main.ts, agents/, bunfig.toml. */
  readonly program: string
  readonly bun: string
  /** What the window `monitor` runs. */
  readonly monitor: readonly string[]
}

/**
 * What a window runs. An agent starts in the program's folder, never in a workspace: Bun runs the bunfig.toml and reads
 * the .env of the folder it is started in. No secret is in the arguments or the environment.
 */
export function programOf(item: Item, configuration: string, places: ProgramPlaces): WindowProgram {
  const { home, program, bun, monitor } = places
  const common = { key: item.name, configuration, cwd: program, env: { ...minimalEnvironment } }
  if (item.type === 'program') {
    const argv = item.name === 'monitor' ? monitor : ['tail', '-n', '200', '-F', join(home.logs, 'events.log')]
    return { ...common, cwd: home.root, argv }
  }
  const entry = join(program, 'agents', 'main.ts')
  const argv = [bun, '--smol', '--no-env-file', `--config=${join(program, 'bunfig.toml')}`, entry, item.name]
  return { ...common, argv, env: { ...common.env, AI_INFRA_HOME: home.root } }
}

const extraFolders: Readonly<Record<string, readonly string[]>> = {
  code: ['git-worktrees'],
  data: ['exports'],
  infra: ['backups'],
  research: ['downloads', 'summaries'],
  qa: ['reports', 'coverage'],
}

export async function makeWorkspace(home: Home, name: string): Promise<void> {
  const folders = ['working', 'temp', 'cache', ...(extraFolders[name] ?? [])]
  for (const folder of folders) await makeDirectory(join(home.workspaces, name, folder), 0o750)
}
