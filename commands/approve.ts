import { z } from 'zod'
import { takenLines } from '../web/git/lines.ts'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, pasteable, WrongUse } from './command.ts'
import { approvedShape } from './shapes.ts'

/** What agents ask for has a UUID; a commit that is held has none. */
export const isApproval = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)

export const approve: Command = {
  name: 'approve',
  usage: 'ID… [--always]',
  summary: 'let a held commit, or what an agent asks for, through once; status, the push and approvals name the ID',
  async run(args, context) {
    const { positionals, values } = readArguments(
      args,
      { always: { type: 'boolean' } },
      { least: 1, most: 50, missing: 'which ID to approve: status, the push and approvals name it' },
    )
    const always = values.always === true
    if (always && !positionals.every(isApproval)) throw new WrongUse('--always is for what an agent asks for')
    for (const id of positionals) await (isApproval(id) ? approveWish(context, id, always) : approveCommit(context, id))
    return 0
  },
}

async function approveWish({ environment, out }: CommandContext, id: string, always: boolean): Promise<void> {
  const answer = z.object({ rule: z.string().optional() })
  const path = `/api/approvals/${encodeURIComponent(id)}/approve`
  const { rule } = await askAppliance(environment.home, 'POST', path, answer, { always })
  out(`${id} is approved, once`)
  if (rule !== undefined) out(`and from now on, as it stands in the desired state:\n${rule}`)
}

async function approveCommit(context: CommandContext, id: string): Promise<void> {
  const { environment, out } = context
  const path = `/api/approve/${encodeURIComponent(id)}`
  const { revision, kinds } = await askAppliance(environment.home, 'POST', path, approvedShape)
  out(`${id} is approved, once: ${revision.slice(0, 8)} goes on`)
  for (const line of takenLines(kinds)) out(line)
  out(`${pasteable(context)} wait shows when it is reached`)
}
