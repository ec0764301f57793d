import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, WrongUse } from './command.ts'
import { harmless } from './harmless.ts'
import { ago, table } from './table.ts'

const task = z.object({
  id: z.string(),
  name: z.string(),
  agent: z.string(),
  state: z.string(),
  reason: z.string(),
  error: z.string().optional(),
  createdAt: z.string(),
})
const everything = z.array(z.looseObject(task.shape))

export const tasks: Command = {
  name: 'tasks',
  usage: '[--agent A] [--state S,S] [--json]\ncancel ID [--json]\nretry ID [--json]',
  summary: 'what the agents are given to do, and why it waits',
  async run(args, context) {
    const options = { json: { type: 'boolean' }, agent: { type: 'string' }, state: { type: 'string' } } as const
    const { positionals, values } = readArguments(args, options, { least: 0, most: 2 })
    const [verb, id] = positionals
    if (verb !== undefined) return change(verb, id, context)
    const query = new URLSearchParams()
    if (values.agent !== undefined) query.set('agent', values.agent)
    if (values.state !== undefined) query.set('state', values.state)
    const found = await askAppliance(context.environment.home, 'GET', `/api/tasks?${query}`, everything)
    if (values.json) context.out(JSON.stringify(found))
    else for (const line of taskLines(found, new Date())) context.out(line)
    return 0
  },
}

async function change(verb: string, id: string | undefined, { environment, out }: CommandContext): Promise<ExitStatus> {
  if (verb !== 'cancel' && verb !== 'retry') throw new WrongUse(`${verb} is neither cancel nor retry`)
  if (id === undefined) throw new WrongUse('the ID is missing')
  const { name } = await askAppliance(environment.home, 'POST', `/api/tasks/${encodeURIComponent(id)}/${verb}`, task)
  out(verb === 'cancel' ? `${harmless(name)} is cancelled, and what depends on it` : `${harmless(name)} begins anew`)
  return 0
}

export function taskLines(found: readonly z.infer<typeof task>[], now: Date): string[] {
  if (found.length === 0) return ['The agents have nothing to do.']
  const rows = found.map(({ id, name, agent, state, reason, error, createdAt }) => [
    ...[state, agent, harmless(name), ago(createdAt, now), id],
    harmless(reason || (state === 'failed' ? (error ?? '') : '')),
  ])
  return table([['STATE', 'AGENT', 'TASK', 'SINCE', 'ID', 'WHY'], ...rows])
}
