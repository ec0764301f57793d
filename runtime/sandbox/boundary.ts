import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { SandboxManager as Manager, SandboxRuntimeConfig } from '@anthropic-ai/sandbox-runtime'
import { type CommandGroup, delegatedCgroup, openCommandGroup, removeOrphanedGroups } from './cgroup.ts'
import type { Gate } from './egress/gate.ts'
import { asLine, limited, threadsOfUser } from './limits.ts'
import { closed, type SandboxPrograms } from './programs.ts'
import type { SandboxPolicy, SandboxRun } from './sandbox.ts'
import { asEscapes, systemCallFilter } from './system-calls.ts'
import { viewOf } from './view.ts'

/** One command, ready to be started behind the boundary. */
export interface Wrapped {
  /** Makes the sandbox and runs the command in it. */
  readonly argv: readonly string[]
  /** What the front proxy refused it so far, one line each. */
  refusals(): readonly string[]
  /** Where the kernel counts it; undefined where no cgroup is delegated to us. */
  readonly group: CommandGroup | undefined
}

/** The operating system's part: namespaces, mounts and the filter of system calls. */
export interface Boundary {
  wrap(command: SandboxRun, policy: SandboxPolicy, signal: AbortSignal): Promise<Wrapped>
  /** Whether the way to the proxy still leads there: it is a process of its own. */
  isWhole(): Promise<boolean>
  /** After each command: takes back what its mounts needed on this side. */
  cleanUp(): void
  /** The network's part follows the gate's rules. */
  followNetwork(): void
  stop(): Promise<void>
}

export interface BoundaryOptions {
  /** Known to the front proxy from its start: others need a new boundary. */
  readonly credentials: SandboxPolicy['credentials']
  /** Whether they are put in also where a request is not encrypted. */
  readonly plainCredentials: boolean
}

export async function openBoundary(programs: SandboxPrograms, gate: Gate, options: BoundaryOptions): Promise<Boundary> {
  const { SandboxManager } = await import('@anthropic-ai/sandbox-runtime')
  const config = () => configuration(programs, gate, options)
  const withValues = withVariables(options.credentials)
  const cgroup = delegatedCgroup()
  if (cgroup !== undefined) await removeOrphanedGroups(cgroup)
  await SandboxManager.initialize(config(), ({ host, port }) => Promise.resolve(answer(gate, host, port)))
  const { errors } = SandboxManager.checkDependencies()
  if (errors.length > 0) {
    await SandboxManager.reset()
    throw closed(errors.join('; '), 'install the program again: ./install.sh run')
  }
  return {
    wrap: (command, policy, signal) => withValues(() => wrap(SandboxManager, programs, cgroup, command, policy, signal)),
    isWhole: atOnce(() => answers(SandboxManager.getLinuxHttpSocketPath())),
    cleanUp: () => SandboxManager.cleanupAfterCommand(),
    followNetwork: () => SandboxManager.updateConfig(config()),
    stop: () => SandboxManager.reset(),
  }
}

/** Times that it is tried, and milliseconds between: one who has many to answer may turn one away. */
const tries = 5
const pause = 30

async function answers(socket: string | undefined): Promise<boolean> {
  if (socket === undefined) return false
  for (let left = tries; left > 0; left--) {
    try {
      const connection = await Bun.connect({ unix: socket, socket: { data() {} } })
      connection.end()
      return true
    } catch {
      await Bun.sleep(pause)
    }
  }
  return false
}

/** Whoever asks while it is being found out gets the same answer: a new boundary ends the old one for all of them. */
function atOnce(look: () => Promise<boolean>): () => Promise<boolean> {
  let looking: Promise<boolean> | undefined
  return () => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
}

type ManagerType = typeof Manager

function answer(gate: Gate, host: string, port: number | undefined): true | { allow: false; reason: string } {
  const named = gate.rules().name(host, port ?? 0)
  if ('refused' in named) return { allow: false, reason: named.refused }
  if (gate.mayAsk()) return true
  const most = gate.rules().policy.requestsPerMinute
  return { allow: false, reason: `more than ${most} connections in a minute (rate_limit_requests_per_minute)` }
}

function configuration(programs: SandboxPrograms, gate: Gate, options: BoundaryOptions): SandboxRuntimeConfig {
  const { credentials, plainCredentials } = options
  return {
    network: {
      // Everything else is asked of the gate; these lead to this machine and never leave through it.
      allowedDomains: [...gate.rules().loopback],
      deniedDomains: [],
      // Stands behind the gate for what the front proxy dials itself.
      deniedResolvedAddresses: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
      parentProxy: { http: gate.url, https: gate.url, noProxy: '' },
      ...(credentials.length === 0 ? {} : { tlsTerminate: {} }),
    },
    filesystem: { denyRead: [{ path: '/', literal: true }], allowRead: [], allowWrite: [], denyWrite: [] },
    // It looks for files to protect below the folder of this very process, where a command writes nothing.
    ripgrep: { command: '/bin/true' },
    bwrapPath: programs.bwrap,
    socatPath: programs.socat,
    seccomp: { applyPath: programs.seccomp },
    ...(credentials.length === 0 ? {} : { credentials: masked(credentials, plainCredentials) }),
  }
}

const masked = (credentials: SandboxPolicy['credentials'], allowPlaintextInject: boolean) => ({
  envVars: credentials.map(({ name, hosts }) => ({ name, mode: 'mask' as const, injectHosts: [...hosts] })),
  allowPlaintextInject,
})

/** The library takes the values from this process's variables, and only while it wraps a command. */
function withVariables(credentials: SandboxPolicy['credentials']) {
  let users = 0
  return async <Result>(during: () => Promise<Result>): Promise<Result> => {
    users += 1
    for (const { name, value } of credentials) process.env[name] = value
    try {
      return await during()
    } finally {
      users -= 1
      if (users === 0) for (const { name } of credentials) delete process.env[name]
    }
  }
}

async function wrap(
  manager: ManagerType,
  programs: SandboxPrograms,
  cgroup: string | undefined,
  command: SandboxRun,
  policy: SandboxPolicy,
  signal: AbortSignal,
): Promise<Wrapped> {
  const bridge = manager.getLinuxHttpSocketPath()
  if (bridge === undefined) throw closed('the way to the filtering proxy is missing', 'restart the agent')
  const view = viewOf(policy, [programs.seccomp, bridge])
  const id = randomBytes(16).toString('base64url')
  // The library names a TMPDIR of its own, which is not there.
  const wanted = policy.env.TMPDIR
  const temporary = wanted !== undefined && existsSync(wanted) ? wanted : '/tmp'
  const variables = Object.entries({ ...policy.env, TMPDIR: temporary }).filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  // Set inside: what makes the sandbox must not obey a variable of the command.
  const exports = variables.map(([name, value]) => `export ${name}=${asLine([value])}; `).join('')
  const inner = `${exports}exec ${asLine(limited(command.argv, policy.limits, cgroup === undefined ? threadsOfUser() : undefined))}`
  const line = await manager.wrapWithSandbox(
    inner,
    programs.bash,
    {
      filesystem: {
        denyRead: [...view.denyRead],
        allowRead: [...view.allowRead],
        allowWrite: [...view.allowWrite],
        denyWrite: [...view.denyWrite],
      },
    },
    signal,
    { commandId: id, commandText: command.argv.join(' ') },
  )
  for (const part of [programs.bwrap, programs.seccomp, '--unshare-net', '--unshare-pid', '--unshare-user']) {
    if (!line.includes(part))
      throw closed(`the sandbox would be made without ${part}`, 'install the program again: ./install.sh run')
  }
  const refusals = () =>
    manager
      .getSandboxViolationStore()
      .getViolationsForCommand(id)
      .map(violation => violation.line)
  const own = apart(line, programs.bwrap)
  const group = cgroup === undefined ? undefined : openCommandGroup(cgroup, policy.limits)
  return { argv: [programs.bash, '-c', `${group?.enter ?? ''}${own}`], refusals, group }
}

/**
 * Shared memory and semaphores (those of Postgres, too) and keys belong to a user, and the library leaves them in sight:
 * namespaces of their own for the first, a second filter of system calls for the last.
 */
function apart(line: string, bwrap: string): string {
  const start = `${bwrap} --new-session`
  if (!line.includes(start))
    throw closed('the sandbox would share memory with other programs', 'install the program again: ./install.sh run')
  const options = `--unshare-ipc --unshare-uts --unshare-cgroup-try --seccomp ${filterDescriptor}`
  const filtered = line.replace(start, () => `${bwrap} ${options} --new-session`)
  return `exec ${filterDescriptor}< <(printf '${asEscapes(systemCallFilter())}'); ${filtered}`
}

const filterDescriptor = 9
