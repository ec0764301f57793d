import { expect, test } from 'bun:test'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEnvironment } from '../os/environment.ts'
import { homeAt } from '../os/home.ts'
import { atLeast, type MachineFacts, machineFacts, parseOsRelease, parseVersion } from './machine-facts.ts'
import { preflight } from './preflight.ts'

const environment = readEnvironment({ AI_INFRA_HOME: '/srv/appliance' })
const gigabyte = 1024 ** 3

const goodVersions: Record<string, string> = { tmux: '3.3', nginx: '1.22.1', git: '2.39.5', 'redis-server': '7.0.15' }

const good: MachineFacts = {
  user: () => 'ai-infra',
  osRelease: async () => ({ ID: 'debian', VERSION_ID: '12', PRETTY_NAME: 'Debian GNU/Linux 12' }),
  memory: async () => gigabyte,
  freeBytes: async () => 10 * gigabyte,
  obstacleTo: async () => undefined,
  stranger: () => undefined,
  version: async argv => goodVersions[argv[0] ?? ''],
  postgresVersion: async () => '15',
  sandboxRefusal: async () => undefined,
  restrictsUserNamespaces: async () => false,
}

const lines = async (facts: Partial<MachineFacts>, at = environment) =>
  (await preflight(at, { ...good, ...facts })).map(one => `${one.severity}: ${one.message}; ${one.hint}`)

test('a good machine has no findings', async () => {
  expect(await lines({})).toEqual([])
})

test('an untried system is a warning, and stands after the errors', async () => {
  expect(
    await lines({
      osRelease: async () => ({ ID: 'ubuntu', VERSION_ID: '22.04', PRETTY_NAME: 'Ubuntu 22.04.4 LTS' }),
      postgresVersion: async () => undefined,
    }),
  ).toEqual([
    'error: Postgres is not installed; run ./install.sh, or apt-get install postgresql',
    'warning: this is Ubuntu 22.04.4 LTS, which nobody tried; use Debian 12 or newer, or Ubuntu 24.04 or newer',
  ])
})

test('a taken port says by whom, and which variable moves it', async () => {
  expect(await lines({ stranger: port => (port === 8080 ? 'apache2 (pid 812)' : undefined) })).toEqual([
    'error: port 8080 is taken by apache2 (pid 812); stop it, or set AI_INFRA_HTTP_PORT to another port',
  ])
  expect((await lines({ stranger: port => (port === 3000 ? 'node (pid 7)' : undefined) }))[0]).toStartWith(
    'error: port 3000 of the portal is taken by node (pid 7); stop it, or set AI_INFRA_PORTAL_PORT',
  )
})

test('a disk that gets full is a warning first and an error later', async () => {
  const free = (megabytes: number) => lines({ freeBytes: async () => megabytes * 1024 ** 2 })
  expect(await free(1024)).toEqual([])
  expect((await free(1023))[0]).toStartWith('warning: 1023 MB are free on the disk of /srv/appliance')
  expect((await free(199))[0]).toStartWith('error: 199 MB are free')
})

test('too little memory is an error', async () => {
  expect((await lines({ memory: async () => 256 * 1024 ** 2 }))[0]).toStartWith('error: this machine has 256 MB of memory')
})

test('an old or absent program is named with its version and its package', async () => {
  const version: MachineFacts['version'] = async argv =>
    argv[0] === 'nginx' ? '1.9.3' : argv[0] === 'tmux' ? undefined : goodVersions[argv[0] ?? '']
  expect(await lines({ version })).toEqual([
    'error: tmux is not installed; run ./install.sh, or apt-get install tmux',
    'error: nginx is 1.9.3, and 1.22 or newer is needed; run ./install.sh, or apt-get install nginx',
  ])
})

test('servers elsewhere need no Postgres and no Redis here', async () => {
  const outside = { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis://cache' }
  const at = readEnvironment({ AI_INFRA_HOME: '/srv/appliance', ...outside })
  const version: MachineFacts['version'] = async argv => (argv[0] === 'redis-server' ? undefined : goodVersions[argv[0] ?? ''])
  expect(await lines({ version, postgresVersion: async () => undefined }, at)).toEqual([])
})

test('where Ubuntu forbids user namespaces the profile that allows them is named', async () => {
  const refused = { sandboxRefusal: async () => 'bwrap: setting up uid map: Permission denied' }
  expect((await lines({ ...refused, restrictsUserNamespaces: async () => true }))[0]).toContain('/etc/apparmor.d/ai-infra-bwrap')
  expect((await lines(refused))[0]).toContain('allow user namespaces')
})

test.skipIf(process.getuid?.() === 0)('a home that we cannot reach or write names the folder that is in the way', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'svc-'))
  const closed = join(folder, 'closed')
  await mkdir(join(closed, 'home'), { recursive: true })
  expect(await machineFacts.obstacleTo(join(closed, 'home', 'new'))).toBeUndefined()
  await chmod(closed, 0o600)
  expect(await machineFacts.obstacleTo(join(closed, 'home'))).toEqual({ folder: closed, lacks: 'pass' })
  await chmod(closed, 0o500)
  expect(await machineFacts.obstacleTo(join(closed, 'new'))).toEqual({ folder: closed, lacks: 'write' })
  await chmod(closed, 0o700)
  await rm(folder, { recursive: true })
})

test('a port that this home has itself is no stranger', () => {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  expect(machineFacts.stranger(server.port, homeAt(process.cwd()))).toBeUndefined()
  expect(machineFacts.stranger(server.port, homeAt('/srv/appliance'))).toBe(`bun (pid ${process.pid})`)
  server.stop(true)
})

test('versions are read from what programs print and compared by number', () => {
  expect(parseVersion('nginx version: nginx/1.22.1\n')).toBe('1.22.1')
  expect(parseVersion('tmux 3.3a')).toBe('3.3')
  expect(atLeast('1.9', '1.22')).toBe(false)
  expect(atLeast('3', '3.2')).toBe(false)
  expect(atLeast('15', '14')).toBe(true)
  expect(parseOsRelease('ID=debian\nVERSION_ID="12"\n# no\n')).toEqual({ ID: 'debian', VERSION_ID: '12' })
})

test('this very machine can be asked', async () => {
  for (const finding of await preflight(environment)) expect(finding.hint).not.toBe('')
  expect(await machineFacts.version(['git', '--version'])).toMatch(/^2\./)
  expect(await machineFacts.version(['no-such-program-here'])).toBeUndefined()
})
