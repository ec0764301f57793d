import { readlinkSync } from 'node:fs'
import type { Boundary } from './boundary.ts'
import { execute } from './execute.ts'
import { closed, type SandboxPrograms } from './programs.ts'
import { keyctlNumber } from './system-calls.ts'

/** What must not work inside, tried once before the first command. Each prints what it found open. */
const attempts = [
  'socat -u /dev/null UNIX-CONNECT:/nowhere 2>&1 | grep -q "Operation not permitted" || echo unix sockets',
  'unshare --user true 2>/dev/null && echo user namespaces',
  `perl -e 'syscall($ARGV[0] + 0, 0, -3, 0); exit($! == 1 ? 0 : 1)' "$4" || echo keys of other programs`,
  '[ -e "$1" ] && echo the program itself',
  '[ "$(readlink /proc/self/ns/pid)" = "$2" ] && echo other processes',
  '[ "$(readlink /proc/self/ns/ipc)" = "$3" ] && echo shared memory of other programs',
  '( : > /usr/.probe ) 2>/dev/null && echo writing /usr',
  '[ -z "$(grep -v -e lo: -e Inter -e face /proc/net/dev)" ] || echo network devices',
  'echo tried',
]

/** Throws unless the boundary holds where this process is: a kernel or container may quietly not keep a part of it. */
export async function proveSealed(boundary: Boundary, programs: SandboxPrograms): Promise<void> {
  // Of this very process, which may look at itself also where systemd hides all others from it.
  const [processes, memory] = ['pid', 'ipc'].map(name => readlinkSync(`/proc/self/ns/${name}`))
  const known = [import.meta.path, processes ?? '', memory ?? '', String(keyctlNumber())]
  const argv = [programs.bash, '-c', attempts.join('\n'), 'probe', ...known]
  const policy = {
    ...{ read: [], write: [], net: { allow: [], deny: [] }, requestsPerMinute: 0, maxConnections: 0, credentials: [] },
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    limits: { seconds: 10, outputBytes: 10_000, memoryMebibytes: 256, fileMebibytes: 1, processes: 64 },
  }
  const result = await execute(boundary, { argv, cwd: '/' }, policy, new AbortController().signal, new Set())
  if (result.code === 0 && result.stdout.trim() === 'tried') return
  const found = result.stdout
    .trim()
    .split('\n')
    .filter(line => line !== 'tried' && line !== '')
  const problem =
    found.length > 0
      ? `inside the sandbox it can still reach ${found.join(', ')}`
      : `the sandbox cannot be made: ${result.stderr.trim().slice(0, 500) || 'it says nothing'}`
  throw closed(problem, 'let bubblewrap make sandboxes: sudo ./install.sh sandboxes')
}
