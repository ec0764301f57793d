import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Answer, Operation } from './inside/operation.ts'
import type { ToolContext } from './tool.ts'

/** The folder of the program that works inside the sandbox, which has to see it and the Bun that runs us. */
export const insideFolder = join(import.meta.dir, 'inside')
export const insideProgram = join(insideFolder, 'main.ts')

/** Has the program inside the sandbox do something. Throws with its sentence when that did not work. */
export async function inside<T>(context: ToolContext, operation: Operation): Promise<T> {
  const { stdout, stderr, notes } = await context.run({
    argv: [process.execPath, '--no-env-file', '--config=/dev/null', insideProgram],
    cwd: insideFolder,
    stdin: JSON.stringify(operation),
  })
  const answer = answerOf<T>(stdout)
  if (answer === undefined) {
    const why = [...notes, stderr.trim().slice(0, 500)].filter(Boolean).join('; ')
    throw new ApplianceError('failed', `nothing came back from the sandbox${why === '' ? '' : `: ${why}`}`)
  }
  if (answer.ok) return answer.value
  throw new ApplianceError('invalid', answer.message)
}

/** Our own program wrote it; what the model or a file says is only ever inside its strings. */
function answerOf<T>(stdout: string): { readonly ok: true; readonly value: T } | Extract<Answer, { ok: false }> | undefined {
  try {
    return JSON.parse(stdout)
  } catch {
    return undefined
  }
}
