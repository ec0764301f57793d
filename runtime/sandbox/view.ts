import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { isWithin } from '../policy/paths.ts'
import type { SandboxPolicy } from './sandbox.ts'

/** Programs, their libraries and their data; nothing of a user, a service or the appliance lies there. */
const system = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']

/** What programs ask of the kernel's own tree: how many processors there are, and how large its pages. */
const kernel = ['/sys/devices/system/cpu', '/sys/devices/system/node', '/sys/kernel/mm/transparent_hugepage']

/** What programs need of /etc. The rest, keys and configurations of services, stays out of sight. */
const configuration = (
  'alternatives ca-certificates ca-certificates.conf ssl/certs ssl/openssl.cnf passwd group nsswitch.conf hosts host.conf ' +
  'gai.conf services protocols ld.so.cache ld.so.conf ld.so.conf.d os-release debian_version localtime timezone ' +
  'locale.alias locale.conf profile bash.bashrc inputrc terminfo mime.types magic magic.mime fonts perl python3 ' +
  'python3.11 python3.12 python3.13 java-11-openjdk java-17-openjdk java-21-openjdk'
)
  .split(' ')
  .map(name => `/etc/${name}`)

type Literal = { readonly path: string; readonly literal: true }

/** What the boundary is told of files: everything is hidden, then what is named comes into sight again. */
export interface View {
  readonly denyRead: readonly Literal[]
  readonly allowRead: readonly Literal[]
  readonly allowWrite: readonly Literal[]
  readonly denyWrite: readonly Literal[]
}

/** `needed`: files that the boundary itself uses inside. Paths that do not exist are left out; links are followed here. */
export function viewOf(policy: SandboxPolicy, needed: readonly string[]): View {
  const base = [...system, ...kernel, ...configuration].filter(path => existsSync(path) && !isLinkOfEtc(path))
  // Below a folder that commands write nothing is named: it is in sight already, and a link there may lead anywhere.
  const own = (path: string) => policy.write.some(folder => path !== folder && isWithin(path, folder))
  const named = (paths: readonly string[]) => present(paths.filter(path => !own(path)))
  const write = named(policy.write)
  return {
    denyRead: literals(['/', '/sys', ...present(policy.hidden ?? [])]),
    allowRead: literals([...base, ...present(needed), ...named(policy.read), ...write]),
    allowWrite: literals(write),
    denyWrite: literals(present(policy.sealed ?? [])),
  }
}

/** A link cannot be shown as a file of its own; where it leads may not be in sight. */
const isLinkOfEtc = (path: string) => path.startsWith('/etc/') && lstatSync(path).isSymbolicLink()

const present = (paths: readonly string[]) => paths.filter(path => existsSync(path)).map(path => realpathSync(path))

const literals = (paths: readonly string[]): readonly Literal[] =>
  [...new Set(paths)].map(path => ({ path, literal: true as const }))
