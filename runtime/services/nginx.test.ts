import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../os/home.ts'
import { spawn } from '../os/spawn.ts'
import { nginxService } from './nginx.ts'
import { nginxCommand, nginxTestCommand } from './nginx-command.ts'
import { configurationOf, nginxLayout } from './nginx-layout.ts'
import { nginxControl, nginxMasters } from './nginx-process.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'

let home: Home
const supervisors: Supervisor[] = []

beforeEach(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'ai-n-')))
})
afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) await supervisor.stop()
  await rm(home.root, { recursive: true, force: true })
})

const freePort = () => {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  listener.stop(true)
  return listener.port
}

async function writeConfiguration(extra = ''): Promise<void> {
  const { run, generations, current } = nginxLayout(home)
  const folder = join(generations, '1')
  await mkdir(folder, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `${name}_temp_path ${run}/${name};`)
    .join(' ')
  const server = `server { listen unix:${home.probeSocket}; ${extra} location / { return 200 ok; } }`
  const text = `daemon off; worker_processes 2; pid ${run}/nginx.pid; error_log stderr; events {} http { access_log off; ${temporary} ${server} }`
  await writeFile(configurationOf(folder), text)
  await symlink('generations/1', current).catch(() => {})
}

function supervise(configure = () => writeConfiguration()): Supervisor {
  const ports = { http: freePort(), https: freePort() }
  const supervisor = createSupervisor({ home, services: [nginxService({ home, ports, confinement: 'bwrap', configure })] })
  supervisors.push(supervisor)
  return supervisor
}

const state = (supervisor: Supervisor) => supervisor.status()[0]?.state

async function until(event: string, happened: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!happened()) {
    if (performance.now() > deadline) throw new Error(`did not happen: ${event}`)
    await Bun.sleep(5)
  }
}

test('nginx sees its own files and nothing else of the machine', () => {
  const command = nginxCommand(homeAt('/srv/ai'), 'bwrap')
  expect(command.slice(0, 5)).toEqual(['/usr/bin/bwrap', '--unshare-user', '--unshare-ipc', '--unshare-pid', '--as-pid-1'])
  expect(command).not.toContain('--die-with-parent')
  const bound = command.flatMap((word, at) => (/^--(ro-)?bind$/.test(word) ? [`${word} ${command[at + 1]}`] : []))
  expect(bound).toEqual([
    '--ro-bind /usr',
    '--ro-bind /srv/ai/nginx',
    '--ro-bind /srv/ai/www',
    '--ro-bind /srv/ai/releases',
    '--bind /srv/ai/logs',
    '--bind /srv/ai/run/nginx',
  ])
  expect(command.slice(command.indexOf('--') + 1)).toEqual([
    '/usr/sbin/nginx',
    '-p',
    '/srv/ai/nginx/',
    '-e',
    'stderr',
    '-c',
    '/srv/ai/nginx/current/nginx.conf',
  ])
})

test('under systemd the unit does the hiding', () => {
  expect(nginxCommand(homeAt('/srv/ai'), 'systemd')[0]).toBe('/usr/sbin/nginx')
})

test('the test of a configuration may bind port 80 and leaves no trace', async () => {
  await nginxService({
    home,
    ports: { http: 80, https: 443 },
    confinement: 'bwrap',
    configure: () => writeConfiguration('listen 80;'),
  }).prepare()
  const { code, stderr } = await spawn(nginxTestCommand(home, configurationOf(nginxLayout(home).current)))
  expect([code, stderr]).toEqual([0, ''])
  expect(await readdir(nginxLayout(home).run)).toEqual([])
  expect(await readdir(home.logs)).toEqual([])
})

test('a supervised nginx is found by its home, comes back when it is killed, and stopping leaves no process', async () => {
  const supervisor = supervise()
  await supervisor.start()
  expect(state(supervisor)).toBe('ready')
  const control = nginxControl(home)
  const before = control.pid()
  expect(nginxMasters(home).map(one => one.pid)).toEqual([before ?? 0])
  expect(nginxMasters(homeAt(`${home.root}x`))).toEqual([])
  const { settled } = await control.reload()
  await until('the old workers are gone', settled)
  process.kill(before ?? 0, 'SIGKILL')
  await until(
    'another nginx is ready',
    () => control.pid() !== undefined && control.pid() !== before && state(supervisor) === 'ready',
  )
  await supervisor.stop()
  expect(nginxMasters(home)).toEqual([])
}, 60_000)

test('a socket that a killed nginx left does not keep the next one from starting', async () => {
  await mkdir(nginxLayout(home).run, { recursive: true })
  const stale = Bun.spawn(['socat', `UNIX-LISTEN:${home.probeSocket},unlink-close=0`, 'STDOUT'])
  while (!(await readdir(nginxLayout(home).run)).includes('probe.sock')) await Bun.sleep(5)
  stale.kill('SIGKILL')
  await stale.exited
  const supervisor = supervise()
  await supervisor.start()
  expect(state(supervisor)).toBe('ready')
})

test('the next runtime takes over an nginx that runs', async () => {
  await supervise().start()
  const before = nginxControl(home).pid()
  const ports = { http: freePort(), https: freePort() }
  const next = createSupervisor({
    home,
    services: [nginxService({ home, ports, confinement: 'bwrap', configure: () => writeConfiguration() })],
  })
  supervisors.push(next)
  await next.start()
  expect(state(next)).toBe('ready')
  expect(nginxControl(home).pid()).toBe(before)
})
