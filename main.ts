#!/bin/sh
//bin/true; AI_INFRA_CALLED=${AI_INFRA_CALLED:-$0} exec "${0%/*}/bin/ai-infra" "$@" # A comment to Bun; sh finds Bun through the launcher.
import { type Command, type CommandContext, type ExitStatus, usageLines, WrongUse } from './commands/command.ts'
import { table } from './commands/table.ts'
import { readEnvironment } from './runtime/os/environment.ts'
import { explain } from './runtime/os/errors.ts'

/** Every verb, loaded when it is called. */
const verbs: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  status: async () => (await import('./commands/status.ts')).status,
  plan: async () => (await import('./commands/plan.ts')).plan,
  wait: async () => (await import('./commands/wait.ts')).wait,
  history: async () => (await import('./commands/history.ts')).history,
  rollback: async () => (await import('./commands/rollback.ts')).rollback,
  suspend: async () => (await import('./commands/suspend.ts')).suspend,
  resume: async () => (await import('./commands/suspend.ts')).resume,
  approve: async () => (await import('./commands/approve.ts')).approve,
  deny: async () => (await import('./commands/approvals.ts')).deny,
  approvals: async () => (await import('./commands/approvals.ts')).approvals,
  say: async () => (await import('./commands/say.ts')).say,
  tasks: async () => (await import('./commands/tasks.ts')).tasks,
  dns: async () => (await import('./commands/dns.ts')).dns,
  audit: async () => (await import('./commands/audit.ts')).audit,
  certificate: async () => (await import('./commands/certificate.ts')).certificate,
  domain: async () => (await import('./commands/domain.ts')).domain,
  backup: async () => (await import('./commands/backup.ts')).backup,
  secret: async () => (await import('./commands/secret.ts')).secret,
  upstream: async () => (await import('./commands/upstream.ts')).upstream,
  attach: async () => (await import('./commands/attach.ts')).attach,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
}

/** Verbs that only the appliance's own parts call: units, Git hooks. */
const innerVerbs: Readonly<Record<string, () => Promise<Command>>> = {
  service: async () => (await import('./commands/service.ts')).service,
  hook: async () => (await import('./commands/hook.ts')).hook,
}

const out = (line: string) => void process.stdout.write(`${line}\n`)
const error = (line: string) => void process.stderr.write(`${line}\n`)
// A reader that went away, like `head`, is no reason to end: `up` goes on without it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
const called = process.env.AI_INFRA_CALLED || './main.ts'

async function main(args: readonly string[]): Promise<ExitStatus> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    for (const line of await helpLines()) out(line)
    return name === undefined ? 2 : 0
  }
  const load = verbs[name] ?? innerVerbs[name]
  if (load === undefined) {
    error(`${called}: there is no verb ${JSON.stringify(name)}; ${called} help lists them`)
    return 2
  }
  const command = await load()
  if (rest.includes('--help') || rest.includes('-h')) {
    for (const line of usageLines(called, command)) out(line)
    for (const line of [command.summary, ...(command.details ?? [])]) out(`  ${line}`)
    return 0
  }
  try {
    const context: CommandContext = { environment: readEnvironment(process.env), program: import.meta.dir, called, out, error }
    return await command.run(rest, context)
  } catch (failure) {
    if (failure instanceof WrongUse) {
      error(`${called} ${name}: ${failure.message}`)
      for (const line of usageLines(called, command)) error(`use: ${line}`)
      for (const line of command.details ?? []) error(`     ${line}`)
      return 2
    }
    error(`${called} ${name}: ${explain(failure)}`)
    return 1
  }
}

async function helpLines(): Promise<string[]> {
  const commands = await Promise.all(Object.values(verbs).map(load => load()))
  return [
    'AI Infrastructure: this server as a Git repository declares it.',
    '',
    `Use: ${called} VERB`,
    '',
    ...table(commands.map(({ name, summary }) => [`  ${name}`, summary])),
    '',
    `${called} VERB --help says how a verb is used.`,
  ]
}

process.exitCode = await main(process.argv.slice(2))
