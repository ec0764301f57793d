import { homeAt } from '../runtime/os/home.ts'
import { runAgent } from './agent.ts'
import { claude } from './claude.ts'
import { openTerminal } from './window/terminal.ts'

const [name] = process.argv.slice(2)
const root = process.env.AI_INFRA_HOME
if (name === undefined || root === undefined) {
  console.error('An agent is started by the appliance: AI_INFRA_HOME=<home> bun agents/main.ts <name>')
  process.exit(2)
}

const terminal = openTerminal(process.stdin, process.stdout)
const end = (status: number, words: string) => {
  terminal.restore()
  if (words !== '') console.error(words)
  process.exit(status)
}
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, () => end(0, ''))
process.on('uncaughtException', error => end(1, error.stack ?? error.message))
process.on('unhandledRejection', error => end(1, error instanceof Error ? (error.stack ?? error.message) : String(error)))

await runAgent({ home: homeAt(root), name, terminal, model: claude, now: () => new Date() })
