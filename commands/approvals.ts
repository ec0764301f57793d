import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, pasteable } from './command.ts'
import { ago } from './table.ts'

const approval = z.object({
  id: z.string(),
  agent: z.string(),
  task: z.string().optional(),
  thread: z.string().optional(),
  title: z.string(),
  reason: z.string(),
  shown: z.array(z.object({ name: z.string(), text: z.string() })),
  digest: z.string(),
  state: z.string(),
  askedAt: z.string(),
  expiresAt: z.string(),
  decidedBy: z.string().optional(),
  note: z.string().optional(),
  rule: z.string().optional(),
})

const shape = z.object({ waiting: z.array(approval), recent: z.array(approval) })

export const approvals: Command = {
  name: 'approvals',
  usage: '[--json]',
  summary: 'what agents wait for, whole, with everything that an approval binds',
  async run(args, context) {
    const { environment, out } = context
    const { values } = readArguments(args, { json: { type: 'boolean' } }, { least: 0, most: 0 })
    const { waiting, recent } = await askAppliance(environment.home, 'GET', '/api/approvals', shape)
    if (values.json) out(JSON.stringify({ waiting, recent }))
    else for (const line of approvalLines(waiting, pasteable(context), new Date())) out(line)
    return 0
  },
}

export const deny: Command = {
  name: 'deny',
  usage: 'ID [--reason R]',
  summary: 'refuse what an agent asks for; it reads the reason',
  async run(args, { environment, out }) {
    const { positionals, values } = readArguments(
      args,
      { reason: { type: 'string' } },
      { least: 1, most: 1, missing: 'which ID to deny: approvals lists them' },
    )
    const id = positionals[0] ?? ''
    const body = values.reason === undefined ? {} : { reason: values.reason }
    await askAppliance(environment.home, 'POST', `/api/approvals/${encodeURIComponent(id)}/deny`, z.unknown(), body)
    out(`${id} is denied`)
    return 0
  },
}

export function approvalLines(waiting: readonly z.infer<typeof approval>[], called: string, now: Date): string[] {
  if (waiting.length === 0) return ['No agent waits for you.']
  return waiting.flatMap(each => [
    `${each.agent} asks, ${ago(each.askedAt, now)} ago: ${each.title}`,
    `  ${each.reason}`,
    ...each.shown.flatMap(({ name, text }) => {
      const [first = '', ...more] = text.split('\n')
      return [`  ${name}: ${first}`, ...more.map(line => `    ${line}`)]
    }),
    `  ${called} approve ${each.id}    or    ${called} deny ${each.id} --reason …`,
    ...(each.rule === undefined ? [] : ['  --always would save:', ...each.rule.split('\n').map(line => `    ${line}`)]),
    '',
  ])
}
