import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ApplianceError } from '../os/errors.ts'
import { minimalEnvironment } from '../os/spawn.ts'

/** What the boundary is made of; each as an absolute path. */
export interface SandboxPrograms {
  readonly bash: string
  readonly bwrap: string
  readonly socat: string
  readonly prlimit: string
  /** Closes Unix sockets and namespaces to the command. */
  readonly seccomp: string
}

const packages = { bash: 'bash', bwrap: 'bubblewrap', socat: 'socat', prlimit: 'util-linux' } as const

/** Every part, or an error that names the one that is missing: with less than all of them nothing runs. */
export function findPrograms(path = minimalEnvironment.PATH ?? '', seccomp = packagedSeccomp()): SandboxPrograms {
  const find = (name: keyof typeof packages): string => {
    const found = Bun.which(name, { PATH: path })
    if (found !== null) return found
    throw closed(`${name} is not installed`, `apt install ${packages[name]}`)
  }
  const programs = { bash: find('bash'), bwrap: find('bwrap'), socat: find('socat'), prlimit: find('prlimit') }
  try {
    accessSync(seccomp, constants.X_OK)
  } catch {
    throw closed(`the seccomp helper ${seccomp} cannot be run`, 'install the program again: ./install.sh run')
  }
  return { ...programs, seccomp }
}

/** The sandbox cannot be made, so nothing runs. */
export const closed = (problem: string, hint: string, cause?: unknown): ApplianceError =>
  new ApplianceError('stalled', `no command runs: ${problem}`, {
    subject: 'sandbox',
    hint,
    ...(cause === undefined ? {} : { cause }),
  })

function packagedSeccomp(): string {
  const main = createRequire(import.meta.url).resolve('@anthropic-ai/sandbox-runtime')
  const architecture = process.arch === 'arm64' ? 'arm64' : 'x64'
  return join(dirname(dirname(main)), 'vendor', 'seccomp', architecture, 'apply-seccomp')
}
