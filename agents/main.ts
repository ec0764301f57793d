import { systemClock } from '../runtime/os/clock.ts'
import { homeAt } from '../runtime/os/home.ts'
import { type RunningAgent, runAgent } from './agent.ts'
import { claude } from './claude/claude.ts'
import { openTerminal } from './window/terminal.ts'

const [name] = process.argv.slice(2)
const root = process.env.AI_INFRA_HOME
if (name === undefined || root === undefined) {
  console.error('An agent is started by the appliance: AI_INFRA_HOME=<home> bun agents/main.ts <name>')
  process.exit(2)
}

/** Milliseconds for what has to be ended with the process. */
const patience = 2_000

let agent: RunningAgent | undefined
let ending = false
const terminal = openTerminal(process.stdin, process.stdout)
/** Ends whatever comes: the terminal may be gone already, and every write to it fails. */
const end = async (status: number, words: string) => {
  if (ending) return
  ending = true
  try {
    terminal.restore()
    if (words !== '') console.error(words)
    await Promise.race([agent?.stop(), Bun.sleep(patience)])
  } finally {
    process.exit(status)
  }
}
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => void end(0, ''))
process.on('uncaughtException', error => void end(1, error.stack ?? error.message))
process.on('unhandledRejection', error => void end(1, error instanceof Error ? (error.stack ?? error.message) : String(error)))

agent = await runAgent({ home: homeAt(root), name, terminal, model: claude, clock: systemClock })
