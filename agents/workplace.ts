import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Work } from '../runtime/bus/work.ts'
import { ApplianceError, explain, systemCode } from '../runtime/os/errors.ts'
import type { SandboxResult, SandboxRun } from '../runtime/sandbox/sandbox.ts'
import type { Workplace } from './work/desk.ts'

export interface WorkplaceDeps {
  /** `workspaces/<agent>`. */
  readonly workspace: string
  /** Runs behind the boundary of the operating system, as the agent's policy is at this moment. */
  readonly run: (command: SandboxRun, folder: string, signal: AbortSignal) => Promise<SandboxResult>
}

/** Makes the folder of a work, and says how its tools reach it. */
export async function openWorkplace({ workspace, run }: WorkplaceDeps, work: Work, signal: AbortSignal): Promise<Workplace> {
  const folder = join(workspace, 'working', work.task?.id ?? work.thread)
  for (const path of [workspace, join(workspace, 'temp'), join(workspace, 'working'), folder]) await makeFolder(path)
  const runHere = (command: SandboxRun) => run(command, folder, signal)
  return {
    workspace,
    folder,
    run: runHere,
    /** Behind the boundary, too: what the agent's commands put there as links must not lead us outside. */
    async keep(name, text) {
      const path = join(workspace, 'temp', name)
      const written = await runHere({ argv: ['bash', '-c', 'cat > "$1"', 'keep', path], cwd: workspace, stdin: text }).catch(
        explain,
      )
      signal.throwIfAborted()
      return typeof written !== 'string' && written.code === 0 ? path : undefined
    },
  }
}

/** A folder, and no link in its place. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o750 }).catch(error => {
    if (systemCode(error) === 'ENOENT') return mkdir(path, { recursive: true, mode: 0o750 })
    if (systemCode(error) !== 'EEXIST') throw error
  })
  if ((await lstat(path)).isDirectory()) return
  throw new ApplianceError('stalled', `${path} is no folder`, { hint: 'move away what is in its place' })
}
