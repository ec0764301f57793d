import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, WrongUse } from './command.ts'
import { historyShape } from './shapes.ts'
import { table } from './table.ts'

export const history: Command = {
  name: 'history',
  usage: '[--limit N] [--json]',
  summary: 'the commits of the desired state, newest first',
  async run(args, { environment, out }) {
    const { values } = readArguments(args, { limit: { type: 'string' }, json: { type: 'boolean' } }, { least: 0, most: 0 })
    const limit = Number(values.limit ?? 20)
    if (!Number.isInteger(limit) || limit < 1) throw new WrongUse('--limit takes a number, from 1')
    const commits = await askAppliance(environment.home, 'GET', `/api/history?limit=${limit}`, historyShape)
    if (values.json) out(JSON.stringify(commits))
    else {
      const rows = commits.map(({ revision, date, author, subject }) => [
        revision.slice(0, 8),
        date.slice(0, 16).replace('T', ' '),
        author.name,
        subject,
      ])
      for (const line of table(rows)) out(line)
    }
    return 0
  },
}
