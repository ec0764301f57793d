import { ApplianceError } from '../runtime/os/errors.ts'
import { minimalEnvironment, spawn } from '../runtime/os/spawn.ts'
import { readArguments } from './arguments.ts'
import { type Command, WrongUse } from './command.ts'

export const attach: Command = {
  name: 'attach',
  usage: '[AGENT]',
  summary: 'the tmux session, at the window of an agent',
  async run(args, { environment }) {
    const { positionals } = readArguments(args, {}, { least: 0, most: 1 })
    const agent = positionals[0]
    if (agent !== undefined && !/^[a-z][a-z0-9-]*$/.test(agent)) throw new WrongUse(`${agent} is not the name of an agent`)
    const windows = await windowsOf(environment.home.tmuxSocket)
    if (agent !== undefined && !windows.includes(agent))
      throw new ApplianceError('invalid', `there is no window ${agent}`, { hint: `there are ${windows.join(', ')}` })
    const child = Bun.spawn(attachArguments(environment.home.tmuxSocket, agent), {
      env: { ...minimalEnvironment, TERM: process.env.TERM ?? 'xterm-256color' },
      stdio: ['inherit', 'inherit', 'inherit'],
    })
    return (await child.exited) === 0 ? 0 : 1
  },
}

async function windowsOf(socket: string): Promise<readonly string[]> {
  const list = ['tmux', '-S', socket, 'list-windows', '-t', '=ai-infrastructure', '-F', '#{window_name}']
  const { code, stdout } = await spawn(list, { env: { ...minimalEnvironment } })
  if (code === 0) return stdout.trim().split('\n')
  throw new ApplianceError('failed', `no tmux session ai-infrastructure on ${socket}`, {
    hint: 'start the appliance with ./install.sh run, or set AI_INFRA_HOME to the one you mean',
  })
}

export function attachArguments(socket: string, agent: string | undefined): string[] {
  const session = '=ai-infrastructure'
  return ['tmux', '-S', socket, 'attach-session', '-t', agent === undefined ? session : `${session}:=${agent}`]
}
