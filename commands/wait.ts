import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, WrongUse } from './command.ts'
import { waitShape } from './shapes.ts'
import { statusLines } from './status.ts'

export const wait: Command = {
  name: 'wait',
  usage: '[--revision REV] [--timeout S] [--json]',
  summary: 'until a commit is applied and verified, or needs a person',
  async run(args, { environment, out }) {
    const options = { revision: { type: 'string' }, timeout: { type: 'string' }, json: { type: 'boolean' } } as const
    const { values } = readArguments(args, options, { least: 0, most: 0 })
    const seconds = Number(values.timeout ?? 60)
    if (!(seconds >= 0 && seconds <= 3_600)) throw new WrongUse('--timeout takes seconds, from 0 to 3600')
    const query = new URLSearchParams({ revision: values.revision ?? 'main', timeout: String(seconds) })
    const reached = await askAppliance(environment.home, 'GET', `/api/wait?${query}`, waitShape)
    if (values.json) out(JSON.stringify(reached))
    else if (reached.converged) out(`The server is as ${reached.desired.slice(0, 8)} declares.`)
    else for (const line of statusLines(reached, new Date())) out(line)
    return reached.converged ? 0 : 1
  },
}
