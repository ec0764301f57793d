import type { Home } from '../os/home.ts'
import { configurationOf, nginxLayout } from './nginx-layout.ts'

/** Who hides the rest of the machine from nginx: bubblewrap, or the systemd unit that runs it. */
export type Confinement = 'bwrap' | 'systemd'

export const nginxProgram = '/usr/sbin/nginx'
const bwrapProgram = '/usr/bin/bwrap'

/**
 * The command that runs nginx in the foreground. Under bwrap it is process 1 of a namespace of its own, so its workers
 * end with it however it ends; bwrap itself stays as its parent and waits.
 */
export function nginxCommand(home: Home, confinement: Confinement, program = nginxProgram): string[] {
  const nginx = startOf(home, configurationOf(nginxLayout(home).current), program)
  if (confinement === 'systemd') return nginx
  return [bwrapProgram, '--unshare-user', '--unshare-ipc', '--unshare-pid', '--as-pid-1', ...mounts(home), '--', ...nginx]
}

/**
 * The command that tests a configuration as a whole. It sees the files that nginx will see, but has a network and
 * sockets of its own: it may bind port 80, and touches nothing that runs.
 */
export function nginxTestCommand(home: Home, configuration: string, program = nginxProgram): string[] {
  const { run } = nginxLayout(home)
  const alone = ['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-net', '--cap-add', 'CAP_NET_BIND_SERVICE']
  const scratch = ['--tmpfs', run, '--tmpfs', home.logs]
  return [
    bwrapProgram,
    ...alone,
    '--die-with-parent',
    ...mounts(home),
    ...scratch,
    '--',
    ...startOf(home, configuration, program),
    '-t',
    '-q',
  ]
}

const startOf = (home: Home, configuration: string, program: string) => [
  program,
  ...['-p', `${home.nginx}/`],
  ...['-e', 'stderr'],
  ...['-c', configuration],
]

// Not bwrap's own --dev: it takes a second user namespace, which has no power over the network namespace and its port 80.
const devices = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom']

function mounts(home: Home): string[] {
  const { run } = nginxLayout(home)
  const system = ['/lib', '/lib64', '/etc/ld.so.cache', '/etc/localtime', '/etc/ssl/certs', '/etc/ssl/openssl.cnf']
  return [
    ...['--ro-bind', '/usr', '/usr'],
    ...system.flatMap(path => ['--ro-bind-try', path, path]),
    ...devices.flatMap(path => ['--dev-bind', path, path]),
    ...[home.nginx, home.www, home.releases].flatMap(path => ['--ro-bind', path, path]),
    ...[home.logs, run].flatMap(path => ['--bind', path, path]),
    ...['--chdir', home.nginx],
  ]
}
