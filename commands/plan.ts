import { planLines } from '../web/git/lines.ts'
import { readArguments } from './arguments.ts'
import { callAppliance, refusal } from './client.ts'
import { type Command, pasteable } from './command.ts'
import { planShape } from './shapes.ts'

export const plan: Command = {
  name: 'plan',
  usage: '[REV] [--json]',
  summary: 'what converging to a commit would do now; changes nothing',
  async run(args, context) {
    const { environment, out } = context
    const { values, positionals } = readArguments(args, { json: { type: 'boolean' } }, { least: 0, most: 1 })
    const answer = await callAppliance(
      environment.home,
      'GET',
      `/api/plan?revision=${encodeURIComponent(positionals[0] ?? 'main')}`,
    )
    if (answer.status >= 400) throw refusal(answer)
    const planned = planShape.parse(answer.body)
    if (values.json) out(JSON.stringify(planned))
    else for (const line of planLines(planned, positionals.length === 0 ? pasteable(context) : undefined)) out(line)
    return 0
  },
}
