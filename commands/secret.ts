import { z } from 'zod'
import { isTooShort } from '../runtime/secrets/given.ts'
import { checkedName } from '../runtime/secrets/reference.ts'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, pasteable, WrongUse } from './command.ts'
import { readSecret } from './read-secret.ts'
import { ago, table } from './table.ts'

const source = z.enum(['environment', 'home', 'repository', 'aws'])

const overview = z.object({
  secrets: z.array(
    z.object({
      name: z.string(),
      source,
      changedAt: z.string().optional(),
      hidden: z.array(source),
      usedBy: z.array(z.string()),
      allowed: z.array(z.string()),
      refused: z.array(z.string()),
    }),
  ),
  missing: z.array(z.object({ name: z.string(), usedBy: z.array(z.string()) })),
  problems: z.array(z.object({ source, message: z.string() })),
  recipient: z.string().optional(),
})

type Overview = z.infer<typeof overview>

interface Flags {
  readonly json: boolean
  /** Into secrets.age.yaml. */
  readonly shared: boolean
  /** Where it may go, and nowhere else. */
  readonly hosts: readonly string[]
}

const actions: Readonly<Record<string, (name: string, context: CommandContext, flags: Flags) => Promise<ExitStatus>>> = {
  list,
  set,
  allow,
  remove,
  recipient,
}

export const secret: Command = {
  name: 'secret',
  usage:
    'list [--json]\nset NAME [--for HOST]... [--shared] [--json]\nallow NAME HOST [--json]\nremove NAME [--json]\nrecipient [--json]',
  summary: 'keep passwords and keys that documents name as secret:NAME; set reads the value from standard input',
  async run(args, context) {
    const { positionals, values } = readArguments(
      args,
      { json: { type: 'boolean' }, shared: { type: 'boolean' }, for: { type: 'string', multiple: true } },
      { least: 1, most: Number.MAX_SAFE_INTEGER, missing: 'what to do with secrets' },
    )
    const [action = '', name = '', ...more] = positionals
    const act = Object.hasOwn(actions, action) ? actions[action] : undefined
    if (act === undefined) throw new WrongUse('this is nothing that secret can do')
    const named = action === 'set' || action === 'remove' || action === 'allow'
    const hosts = action === 'allow' ? more.splice(0, 1) : (values.for ?? []).flatMap(each => each.split(','))
    // Nothing of what was typed is repeated: it may be the secret.
    if (more.length > 0 || (!named && name !== '')) throw new WrongUse(tooMuch)
    if (named && name === '') throw new WrongUse('the name is missing')
    if (action === 'allow' && hosts.length === 0) throw new WrongUse('the host is missing')
    const flags = { json: values.json === true, shared: values.shared === true, hosts }
    if (values.for !== undefined && action !== 'set') throw new WrongUse('--for belongs to set')
    if (flags.shared && action !== 'set') throw new WrongUse('--shared belongs to set; what is shared is removed with a commit')
    return act(named ? checkedName(name) : '', context, flags)
  },
}

const tooMuch = 'a value is never an argument, where everybody on the machine can read it: it goes to standard input'

async function list(_name: string, context: CommandContext, { json }: Flags): Promise<ExitStatus> {
  const { environment, out } = context
  const found = await askAppliance(environment.home, 'GET', '/api/secrets', overview)
  if (json) out(JSON.stringify(found))
  else for (const line of secretLines(found, pasteable(context), new Date())) out(line)
  return 0
}

async function set(
  name: string,
  { environment, out, error }: CommandContext,
  { json, shared, hosts }: Flags,
): Promise<ExitStatus> {
  const { value, note } = await readSecret(name)
  if (note !== undefined) error(note)
  if (value !== '' && isTooShort(value))
    error('! texts are not searched for a value of less than eight characters, so that logs may show it: take a longer one')
  const shape = z.object({ set: z.string(), source, hiddenBy: source.optional() })
  const kept = await askAppliance(environment.home, 'POST', '/api/secrets', shape, {
    ...{ name, value, shared },
    ...(hosts.length > 0 && { hosts }),
  })
  if (json) out(JSON.stringify(kept))
  else out(`${name} is kept ${places[kept.source]}; what waits for it goes on within a minute`)
  if (kept.hiddenBy !== undefined) error(`! ${name} is ${places[kept.hiddenBy]} too, and that value is used: remove it there`)
  return 0
}

async function allow(name: string, { environment, out }: CommandContext, { json, hosts }: Flags): Promise<ExitStatus> {
  const shape = z.object({ allowed: z.string(), host: z.string() })
  const done = await askAppliance(environment.home, 'POST', '/api/secrets/allow', shape, { name, host: hosts[0] ?? '' })
  out(json ? JSON.stringify(done) : `${name} may go to ${done.host}; what waits for it goes on within a minute`)
  return 0
}

async function remove(name: string, { environment, out }: CommandContext, { json }: Flags): Promise<ExitStatus> {
  const gone = await askAppliance(environment.home, 'POST', '/api/secrets/remove', z.object({ removed: z.string() }), { name })
  out(json ? JSON.stringify(gone) : `${name} is removed`)
  return 0
}

async function recipient(_name: string, { environment, out, error }: CommandContext, { json }: Flags): Promise<ExitStatus> {
  const found = await askAppliance(environment.home, 'GET', '/api/secrets', overview)
  if (found.recipient === undefined) {
    error(found.problems.map(({ message }) => message).join('; '))
    return 1
  }
  out(json ? JSON.stringify({ recipient: found.recipient }) : found.recipient)
  return 0
}

const places = {
  environment: "in the appliance's environment",
  home: 'in the home, encrypted',
  repository: 'in secrets.age.yaml',
  aws: 'in AWS Secrets Manager',
} as const

export function secretLines({ secrets, missing, problems }: Overview, called: string, now: Date): string[] {
  const rows = [
    ...secrets.map(({ name, source, changedAt, hidden, usedBy, allowed }) => [
      name,
      `${places[source]}${changedAt === undefined ? '' : `, changed ${ago(changedAt, now)} ago`}${hidden.map(other => `; hides the one ${places[other]}`).join('')}`,
      usedBy.join(', '),
      allowed.length === 0 ? '' : `goes to ${allowed.join(', ')}`,
    ]),
    ...missing.map(({ name, usedBy }) => [name, `MISSING: ${called} secret set ${name}`, usedBy.join(', '), '']),
  ]
  const lines = table(rows)
  return [
    ...problems.map(({ message }) => `! ${message}`),
    ...secrets.flatMap(({ name, refused }) =>
      refused.map(
        host =>
          `! ${name} is wanted at ${host}, and does not belong there; if you want that: ${called} secret allow ${name} ${host}`,
      ),
    ),
    ...(lines.length === 0 && problems.length === 0 ? ['There are no secrets yet, and no document names one.'] : lines),
  ]
}
