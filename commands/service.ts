import { describeService, type Mode, ownServices } from '../composition/services.ts'
import { divideOwnCgroup } from '../runtime/os/cgroup.ts'
import { createLog } from '../runtime/os/log.ts'
import { becomeService } from '../runtime/services/become.ts'
import type { Service } from '../runtime/services/service.ts'
import { readArguments } from './arguments.ts'
import { type Command, WrongUse } from './command.ts'

const names: readonly string[] = ['postgres', 'redis', 'nginx', 'tmux']
const isName = (name: string): name is Service['name'] => names.includes(name)

/** Exit status of a unit whose service is not ours to run: systemd leaves it at that (`RestartPreventExitStatus`). */
const outsideStatus = 69

/** What the units run: prepares one service of ours and becomes it. */
export const service: Command = {
  name: 'service',
  usage: 'postgres|redis|nginx|tmux [--prepare | --exec | --describe]',
  summary: 'prepare and become one of the services (for systemd)',
  async run(args, { environment, out }) {
    const flags = { prepare: { type: 'boolean' }, exec: { type: 'boolean' }, describe: { type: 'boolean' } } as const
    const { values, positionals } = readArguments(args, flags, { least: 1, most: 1, missing: 'which service' })
    const name = positionals[0] ?? ''
    if (!isName(name)) throw new WrongUse(`there is no service ${JSON.stringify(name)}`)
    if (!values.describe && !ownServices(environment).includes(name)) {
      out(`${name} is not started: the environment names a server of your own`)
      process.exit(outsideStatus)
    }
    const mode: Mode = 'systemd'
    const described = await describeService(
      name,
      environment,
      mode,
      createLog(line => void process.stderr.write(line)),
    )
    if (values.describe) {
      out(JSON.stringify({ argv: described.argv, env: described.env, cwd: described.cwd }))
      return 0
    }
    if (!values.exec) await described.prepare()
    if (values.prepare) return 0
    // The agents' commands are counted beside it.
    if (name === 'tmux') divideOwnCgroup()
    return becomeService(described)
  },
}
