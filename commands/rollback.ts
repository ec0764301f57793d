import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import type { Command } from './command.ts'
import { waitShape } from './shapes.ts'
import { statusLines } from './status.ts'

const answerShape = z.union([z.object({ revision: z.string() }), z.object({ unchanged: z.literal(true) })])

export const rollback: Command = {
  name: 'rollback',
  usage: 'REV [--json]',
  summary: 'a new commit that restores the state of an older one',
  async run(args, { environment, out }) {
    const { values, positionals } = readArguments(
      args,
      { json: { type: 'boolean' } },
      { least: 1, most: 1, missing: 'which commit to go back to: history lists them' },
    )
    const answer = await askAppliance(environment.home, 'POST', '/api/rollback', answerShape, { revision: positionals[0] })
    if ('unchanged' in answer) {
      out(values.json ? JSON.stringify(answer) : `main declares the same as ${positionals[0]} already.`)
      return 0
    }
    const query = new URLSearchParams({ revision: answer.revision, timeout: '60' })
    const reached = await askAppliance(environment.home, 'GET', `/api/wait?${query}`, waitShape)
    if (values.json) out(JSON.stringify(reached))
    else
      for (const line of [`rolled back with the new commit ${answer.revision.slice(0, 8)}`, ...statusLines(reached, new Date())])
        out(line)
    return reached.converged ? 0 : 1
  },
}
