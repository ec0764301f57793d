import { minimalEnvironment } from '../runtime/os/spawn.ts'
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
    const child = Bun.spawn(attachArguments(environment.home.tmuxSocket, agent), {
      env: { ...minimalEnvironment, TERM: process.env.TERM ?? 'xterm-256color' },
      stdio: ['inherit', 'inherit', 'inherit'],
    })
    return (await child.exited) === 0 ? 0 : 1
  },
}

export function attachArguments(socket: string, agent: string | undefined): string[] {
  const session = '=ai-infrastructure'
  return ['tmux', '-S', socket, 'attach-session', '-t', agent === undefined ? session : `${session}:=${agent}`]
}
