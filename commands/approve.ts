import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, WrongUse } from './command.ts'

/** What agents ask for has a UUID; a plan that is held has none. */
export const isApproval = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)

export const approve: Command = {
  name: 'approve',
  usage: 'ID [--always]',
  summary: 'let a held plan, or what an agent asks for, through once; status, the push and approvals name the ID',
  async run(args, { environment, called, out }) {
    const { positionals, values } = readArguments(args, { always: { type: 'boolean' } }, { least: 1, most: 1 })
    const id = positionals[0] ?? ''
    if (isApproval(id)) {
      const path = `/api/approvals/${encodeURIComponent(id)}/approve`
      const answer = z.object({ rule: z.string().optional() })
      const { rule } = await askAppliance(environment.home, 'POST', path, answer, { always: values.always === true })
      out(`${id} is approved, once`)
      if (rule !== undefined) out(`and from now on, as it stands in the desired state:\n${rule}`)
      return 0
    }
    if (values.always) throw new WrongUse('--always is for what an agent asks for')
    await askAppliance(environment.home, 'POST', `/api/approve/${encodeURIComponent(id)}`, z.unknown())
    out(`${id} is approved; ${called} wait shows when it is reached`)
    return 0
  },
}
