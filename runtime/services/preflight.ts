import type { Environment } from '../os/environment.ts'
import { atLeast, type MachineFacts, machineFacts } from './machine-facts.ts'

/** Something about this machine that keeps the appliance from running, or may do so. */
export interface Finding {
  /** `error`: it cannot run. `warning`: it runs, less well or not for long. */
  readonly severity: 'error' | 'warning'
  readonly subject: 'system' | 'memory' | 'disk' | 'home' | 'port' | 'portal' | 'program' | 'sandbox'
  /** What is wrong, as a sentence. */
  readonly message: string
  /** What to do, as a sentence. */
  readonly hint: string
}

type Check = (environment: Environment, facts: MachineFacts) => Promise<readonly Finding[]>

/** Looks at the machine and changes nothing. Empty when all is well; errors come first. */
export async function preflight(environment: Environment, facts: MachineFacts = machineFacts): Promise<Finding[]> {
  const checks: Check[] = [checkSystem, checkMemory, checkHome, checkDisk, checkPorts, checkPrograms, checkPostgres, checkSandbox]
  const findings = (await Promise.all(checks.map(check => check(environment, facts)))).flat()
  return findings.toSorted((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'))
}

const megabyte = 1024 * 1024

const oldestSystems: Readonly<Record<string, string>> = { debian: '12', ubuntu: '24.04' }

async function checkSystem(_: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const release = await facts.osRelease()
  const oldest = oldestSystems[release.ID ?? '']
  // Debian's testing and unstable have no version.
  if (oldest !== undefined && atLeast(release.VERSION_ID ?? oldest, oldest)) return []
  const message = `this is ${release.PRETTY_NAME ?? 'an unknown system'}, which nobody tried`
  return [{ severity: 'warning', subject: 'system', message, hint: 'use Debian 12 or newer, or Ubuntu 24.04 or newer' }]
}

async function checkMemory(_: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const memory = await facts.memory()
  if (memory >= 512 * megabyte) return []
  const message = `this machine has ${inMegabytes(memory)} of memory, and 512 MB are needed`
  return [{ severity: 'error', subject: 'memory', message, hint: 'use a larger machine, or raise the limit of this container' }]
}

async function checkHome({ home }: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const obstacle = await facts.obstacleTo(home.root)
  if (obstacle === undefined) return []
  const message =
    obstacle.lacks === 'pass'
      ? `${facts.user()} cannot reach ${obstacle.folder}`
      : `${facts.user()} cannot write to ${obstacle.folder}`
  const remedy = obstacle.lacks === 'pass' ? `chmod o+x ${obstacle.folder}` : `chown ${facts.user()}: ${obstacle.folder}`
  return [{ severity: 'error', subject: 'home', message, hint: `${remedy}, or set AI_INFRA_HOME to another folder` }]
}

async function checkDisk({ home }: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const free = await facts.freeBytes(home.root)
  if (free >= 1024 * megabyte) return []
  const severity = free < 200 * megabyte ? 'error' : 'warning'
  const message = `${inMegabytes(free)} are free on the disk of ${home.root}, and 1 GB should be`
  return [{ severity, subject: 'disk', message, hint: 'make room there, or set AI_INFRA_HOME to a folder on another disk' }]
}

async function checkPorts(environment: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const wanted = [
    ['portal', 'AI_INFRA_PORTAL_PORT', environment.portalPort],
    ['port', 'AI_INFRA_HTTP_PORT', environment.httpPort],
    ['port', 'AI_INFRA_HTTPS_PORT', environment.httpsPort],
  ] as const
  return wanted.flatMap(([subject, variable, port]): Finding[] => {
    const holder = facts.stranger(port, environment.home)
    if (holder === undefined) return []
    const message = `port ${port}${subject === 'portal' ? ' of the portal' : ''} is taken by ${holder}`
    return [{ severity: 'error', subject, message, hint: `stop it, or set ${variable} to another port` }]
  })
}

interface Program {
  readonly name: string
  readonly package: string
  readonly ask: readonly string[]
  readonly oldest: string
  readonly unneeded?: (environment: Environment) => boolean
}

const programs: readonly Program[] = [
  { name: 'tmux', package: 'tmux', ask: ['tmux', '-V'], oldest: '3.2' },
  { name: 'nginx', package: 'nginx', ask: ['nginx', '-v'], oldest: '1.22' },
  { name: 'git', package: 'git', ask: ['git', '--version'], oldest: '2.36' },
  {
    name: 'redis-server',
    package: 'redis-server',
    ask: ['redis-server', '--version'],
    oldest: '6.2',
    unneeded: ({ redisUrl }) => redisUrl !== undefined,
  },
]

async function checkPrograms(environment: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const needed = programs.filter(program => !program.unneeded?.(environment))
  const findings = await Promise.all(
    needed.map(async program => programFinding(program.name, program.package, program.oldest, await facts.version(program.ask))),
  )
  return findings.filter(finding => finding !== undefined)
}

async function checkPostgres(environment: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  if (environment.databaseUrl !== undefined) return []
  const finding = programFinding('Postgres', 'postgresql', '14', await facts.postgresVersion())
  return finding === undefined ? [] : [finding]
}

function programFinding(name: string, debian: string, oldest: string, found: string | undefined): Finding | undefined {
  if (found !== undefined && atLeast(found, oldest)) return undefined
  const message = found === undefined ? `${name} is not installed` : `${name} is ${found}, and ${oldest} or newer is needed`
  return { severity: 'error', subject: 'program', message, hint: `run ./install.sh, or apt-get install ${debian}` }
}

async function checkSandbox(_: Environment, facts: MachineFacts): Promise<readonly Finding[]> {
  const refusal = await facts.sandboxRefusal()
  if (refusal === undefined) return []
  const message = `bubblewrap cannot make a sandbox: ${refusal}`
  const hint = (await facts.restrictsUserNamespaces())
    ? 'this system asks for an AppArmor profile: install systemd/apparmor.d/ai-infra-bwrap as /etc/apparmor.d/ai-infra-bwrap, then apparmor_parser -r it; ./install.sh does both'
    : 'apt-get install bubblewrap; in a container allow user namespaces'
  return [{ severity: 'error', subject: 'sandbox', message, hint }]
}

const inMegabytes = (bytes: number) => `${Math.floor(bytes / megabyte)} MB`
