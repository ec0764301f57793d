import { basename, join } from 'node:path'
import type { Work } from '../runtime/bus/work.ts'
import { explain } from '../runtime/os/errors.ts'
import type { SandboxResult, SandboxRun } from '../runtime/sandbox/sandbox.ts'
import { makeFolder, makeWorkspace } from '../runtime/workspaces/layout.ts'
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
  await makeWorkspace(workspace, basename(workspace))
  await makeFolder(folder)
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
