import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../runtime/os/environment.ts'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import { removeIfExists, writeFileAtomic } from '../runtime/os/files.ts'
import { minimalEnvironment, spawn, spawnChecked } from '../runtime/os/spawn.ts'
import { type Finding, preflight } from '../runtime/services/preflight.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { findingLine } from './doctor.ts'
import { cloneCommandFor, commandLine, type Owner, screenLines } from './screen.ts'

export const up: Command = {
  name: 'up',
  usage: '[--systemd]',
  summary: 'start everything in the foreground; Ctrl-C stops it',
  async run(args, { environment, program, out, error }) {
    const { values } = readArguments(args, { systemd: { type: 'boolean' } }, { least: 0, most: 0 })
    if (process.getuid?.() === 0) return dropRoot(program)
    const startedAt = performance.now()
    // It takes half a second to load, and the preflight mostly waits for programs that it tries.
    const loading = import('../appliance.ts')
    await refuseUnfit(environment, error)
    const { startAppliance } = await loading
    const owner = ownerSeenFrom(process.env.AI_INFRA_STARTED_BY)
    const command = commandLine(environment.home.root, program, owner, values.systemd === true)
    const cloneCommand = values.systemd
      ? `git clone ai-infra@${hostname()}:desired-state.git`
      : cloneCommandFor(environment.home.repository, owner)
    // Other parts go on: a server that runs is worth more than a clean end of what keeps it.
    process.on('unhandledRejection', failure => error(`  ! nobody expected this: ${explain(failure)}`))
    const ending = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort(new Error(signal)))
    const progress = (line: string) => out(`  ${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)} s  ${line}`)
    const codeFile = join(environment.home.keys, 'first-admin-code')
    if (values.systemd) await removeIfExists(codeFile)
    const appliance = await startAppliance({
      environment,
      program,
      command,
      cloneCommand,
      mode: values.systemd ? 'systemd' : 'children',
      ending: ending.signal,
      progress: values.systemd ? () => {} : progress,
    })
    // Without a terminal the code waits where only the operator can read it; the installer shows it.
    if (values.systemd) await writeFileAtomic(codeFile, appliance.firstAdminCode ?? '', 0o600)
    await tellSystemd(process.env.NOTIFY_SOCKET)
    if (!values.systemd && !ending.signal.aborted) {
      const screen = screenLines({
        home: environment.home.root,
        portalPort: environment.portalPort,
        httpPort: environment.httpPort,
        cloneCommand,
        firstAdminCode: appliance.firstAdminCode,
        claudeKey: appliance.canAnswer,
        command,
        milliseconds: performance.now() - startedAt,
      })
      for (const line of screen) out(line)
    }
    await untilAborted(ending.signal)
    if (!values.systemd) out('  stopping …')
    await appliance.stop()
    return 0
  },
}

/** Without these nothing could run at all; whatever else is wrong is shown, and kept trying. */
const fatal: readonly Finding['subject'][] = ['home', 'portal', 'program', 'sandbox']

async function refuseUnfit(environment: Environment, error: (line: string) => void): Promise<void> {
  const findings = await preflight(environment)
  const worst = findings.find(({ severity, subject }) => severity === 'error' && fatal.includes(subject))
  for (const finding of findings) if (finding !== worst) error(`  ! ${findingLine(finding)}`)
  if (worst !== undefined) throw new ApplianceError('invalid', worst.message, { hint: worst.hint })
}

/** The unit counts as started from here on: `systemctl restart` returns, and a boot is complete. */
async function tellSystemd(socket: string | undefined): Promise<void> {
  if (socket) await spawnChecked(spawn, ['systemd-notify', '--ready'], { env: { ...minimalEnvironment, NOTIFY_SOCKET: socket } })
}

/** `AI_INFRA_STARTED_BY` is set by install.sh when it dropped from root: `root`, or whoever used sudo. */
function ownerSeenFrom(startedBy: string | undefined): Owner {
  if (startedBy === undefined || startedBy === '') return { kind: 'self' }
  return { kind: 'dropped', user: 'ai-infra', through: startedBy === 'root' ? 'setpriv' : 'sudo' }
}

/** Nothing of the appliance runs as root: the installer copies the program where its user can read it, and drops to that user. */
function dropRoot(program: string): never {
  const installer = join(program, 'install.sh')
  const hint = `${installer} run starts it as the user ai-infra`
  if (process.execve === undefined) throw new ApplianceError('failed', 'nothing of the appliance runs as root', { hint })
  return process.execve(installer, [installer, 'run'], definedVariables())
}

function definedVariables(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
