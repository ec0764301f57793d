import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { minimalEnvironment, spawn } from '../../runtime/os/spawn.ts'

const program = join(import.meta.dir, '../..')
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'installer-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs functions of the installer as its steps do. */
function call(script: string, environment: Record<string, string> = {}) {
  const loaded = `set -euo pipefail; program=$1 called_as='./install.sh run'; for part in "$program"/install/*.sh; do . "$part"; done; open_scratch; ${script}`
  return spawn(['/bin/bash', '-c', loaded, 'install.sh', program], {
    env: { ...minimalEnvironment, TMPDIR: folder, ...environment },
  })
}

async function osRelease(lines: string): Promise<Record<string, string>> {
  const path = join(folder, `os-release-${Bun.hash(lines)}`)
  await writeFile(path, lines)
  return { AI_INFRA_OS_RELEASE: path }
}

describe('preflight', () => {
  test.each([
    'ID=debian\nVERSION_ID=12',
    'ID=debian\nVERSION_ID=13',
    'ID=ubuntu\nVERSION_ID=24.04',
    'ID=ubuntu\nVERSION_ID=26.04',
    'ID=debian',
  ])('accepts %j', async lines => {
    expect(await call('check_system', await osRelease(lines))).toMatchObject({ code: 0, stderr: '' })
  })

  test.each([
    ['ID=debian\nVERSION_ID=11\nPRETTY_NAME="Debian 11"', 'This is Debian 11.'],
    ['ID=ubuntu\nVERSION_ID=22.04\nPRETTY_NAME="Ubuntu 22.04"', 'This is Ubuntu 22.04.'],
    ['ID=fedora\nPRETTY_NAME="Fedora 44"', 'This is Fedora 44.'],
  ])('refuses %j and says what is needed', async (lines, expected) => {
    const { code, stderr } = await call('check_system', await osRelease(lines))
    expect(code).toBe(1)
    expect(stderr).toContain(expected)
    expect(stderr).toContain('Debian 12 or newer, Ubuntu 24.04 or newer')
  })

  test('a port that somebody else holds is refused by number, with the variable that chooses another', async () => {
    const stranger = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    try {
      const { code, stderr } = await call(`check_ports 4294967294 AI_INFRA_HTTP_PORT=${stranger.port}`)
      expect(code).toBe(1)
      expect(stderr).toContain(`Port ${stranger.port} is in use`)
      expect(stderr).toContain('AI_INFRA_HTTP_PORT=… ./install.sh run')
    } finally {
      stranger.stop(true)
    }
  })

  test('a port that our own appliance holds is no obstacle', async () => {
    const own = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    try {
      expect((await call(`check_ports ${process.getuid?.()} AI_INFRA_HTTP_PORT=${own.port}`)).code).toBe(0)
    } finally {
      own.stop(true)
    }
  })

  test('a disk that is too full is refused', async () => {
    const { code, stderr } = await call(`check_disk 999999999 ${folder}/not/there/yet`)
    expect(code).toBe(1)
    expect(stderr).toContain('999999999 MB are needed')
  })
})

describe('a step', () => {
  test('that fails ends the run, shows its last words and keeps the log', async () => {
    const { code, stdout, stderr } = await call(
      `broken() { echo 'the reason'; false; echo unreachable; }; step 'Something' broken; echo after`,
    )
    expect(code).toBe(1)
    expect(stdout).toContain('✗ Something')
    expect(stdout).not.toContain('after')
    expect(stderr).toContain('the reason')
    expect(stderr).not.toContain('unreachable')
    const log = /The whole log: (\S+)/.exec(stderr)?.[1]
    expect(await readFile(log ?? '', 'utf8')).toContain('the reason')
  })

  test('that succeeds leaves nothing behind', async () => {
    const before = await readdir(folder)
    expect((await call(`step 'Something' note done`)).stdout).toContain('done')
    expect(await readdir(folder)).toEqual(before)
  })
})

test('what is handed on is the outside contract and nothing else', async () => {
  const environment = {
    ANTHROPIC_API_KEY: 'kept',
    AI_INFRA_HTTP_PORT: '8081',
    AWS_SECRET_ACCESS_KEY: 'dropped',
    BASH_ENV: '/dropped',
    NODE_OPTIONS: '--x',
    AI_INFRA_DATABASE_PASSWORD_SHOP: 'secret',
    AI_INFRA_SECRET_DNS_KEY: 'secret',
  }
  const { stdout } = await call('keep_only "$contract" "$(prefixed)"; exec env', environment)
  const names = stdout.split('\n').map(line => line.split('=')[0] ?? '')
  expect(names.filter(name => !['', '_', 'PWD', 'SHLVL'].includes(name)).sort()).toEqual([
    'AI_INFRA_DATABASE_PASSWORD_SHOP',
    'AI_INFRA_HTTP_PORT',
    'AI_INFRA_SECRET_DNS_KEY',
    'ANTHROPIC_API_KEY',
    'PATH',
  ])
})

test('.env.example, the installer and the program name the same variables', async () => {
  const example = await readFile(join(program, '.env.example'), 'utf8')
  const listed = [...example.matchAll(/^([A-Z_]+)=/gm)].map(match => match[1])
  const { stdout } = await call('echo $contract', { AWS_SECRETS_PREFIX: 'ours/' })
  expect(listed.sort()).toEqual(stdout.trim().split(' ').sort())
  const reader = await readFile(join(program, 'runtime/os/environment.ts'), 'utf8')
  const prefixes = (await call('echo $contract_prefixes')).stdout.trim().split(' ')
  for (const prefix of prefixes) expect(example).toMatch(new RegExp(`^# ${prefix}[A-Z_]+=$`, 'm'))
  const read = [...reader.matchAll(/\b(?:AI_INFRA|ANTHROPIC|AWS|DATABASE|REDIS|OPENAI|QDRANT)_[A-Z_]+\b/g)]
    .map(match => match[0])
    .filter(name => !prefixes.some(prefix => name.startsWith(prefix)))
  expect(new Set(read).difference(new Set(listed))).toEqual(new Set())
})

test('settings are stored for root alone, replaced by name, and kept otherwise', async () => {
  const settings = join(folder, 'etc/environment')
  const write = (environment: Record<string, string>) => call(`settings=${settings}; write_settings`, environment)
  await write({ ANTHROPIC_API_KEY: 'sk-1', DATABASE_URL: 'postgres://u:p@db/x?ssl=on' })
  await write({ ANTHROPIC_API_KEY: 'sk-2' })
  const text = await readFile(settings, 'utf8')
  expect(text.split('\n').filter(line => line && !line.startsWith('#'))).toEqual([
    'DATABASE_URL="postgres://u:p@db/x?ssl=on"',
    'ANTHROPIC_API_KEY="sk-2"',
  ])
  expect((await spawn(['stat', '-c', '%a', settings])).stdout.trim()).toBe('600')
})

test('a value that would end a line of the settings is refused', async () => {
  const { code, stderr } = await call(`settings=${folder}/etc/hostile; write_settings`, { ANTHROPIC_API_KEY: 'x"\nPATH=/tmp' })
  expect(code).toBe(1)
  expect(stderr).toContain('ANTHROPIC_API_KEY has a character')
})

test('every unit is hardened: exposure of at most 4.0', async () => {
  const units = (await readdir(join(program, 'systemd/system'))).filter(name => name.endsWith('.service'))
  expect(units.length).toBeGreaterThanOrEqual(5)
  for (const unit of units) {
    const { stdout } = await spawn([
      'systemd-analyze',
      'security',
      '--no-pager',
      '--offline=true',
      join(program, 'systemd/system', unit),
    ])
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]), unit).toBeLessThanOrEqual(4)
  }
})

const install = (...words: readonly string[]) =>
  spawn(['/bin/bash', join(program, 'install.sh'), ...words], { env: { ...minimalEnvironment, TMPDIR: folder } })

test.each([[['instal']], [['run', 'foo']], [['test', '--port']]])(
  'wrong use is exit status 2 with the usage: %j',
  async words => {
    const { code, stderr } = await install(...words)
    expect(code).toBe(2)
    expect(stderr).toContain('Usage: ./install.sh')
  },
)

test('restore says how it is used before it installs anything', async () => {
  const { code, stdout } = await install('restore', '--help')
  expect([code, stdout]).toEqual([0, expect.stringContaining('restore --repository R [SNAPSHOT] [--into DIR]')])
})

test('files of a restore are named from where the caller stands', async () => {
  const words = "--repository s3:a=b --identity key --into=new --identity=/abs 'two words' --into /there"
  const { stdout } = await call(`cd /tmp; words=(); from_here ${words}; printf '%s|' "\${words[@]}"`)
  expect(stdout).toBe('--repository|s3:a=b|--identity|/tmp/key|--into=/tmp/new|--identity=/abs|two words|--into|/there|')
})

test('missing packages are named, whether they are known or not', async () => {
  const { stdout } = await call('missing_packages bash no-such-package coreutils ghost')
  expect(stdout.split('\n').filter(Boolean)).toEqual(['no-such-package', 'ghost'])
})
