import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { minimalEnvironment, type SpawnResult, spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { bareDebian, copyPackageSettings, downloads } from './base.ts'
import { until } from './until.ts'

export interface CallOptions {
  readonly stdin?: string
  readonly timeout?: number
}

/** A server of its own, with systemd as its first process, reached over SSH. It shares this machine's network. */
export interface Machine {
  readonly root: string
  readonly sshPort: number
  /** Every call is one SSH session with a key; the words reach the other side as they are. */
  ssh(user: string, words: readonly string[], options?: CallOptions): Promise<SpawnResult>
  /** As root; throws with the output when it fails. */
  run(...words: readonly string[]): Promise<string>
  sshCommand(...flags: readonly string[]): string[]
  reboot(): Promise<void>
  stop(): Promise<void>
}

export async function bootMachine(sshPort: number): Promise<Machine> {
  const folder = await mkdtemp('/tmp/ai-infra-machine.')
  const root = join(folder, 'root')
  await spawnChecked(spawn, ['cp', '-a', await bareDebian(), root], { timeout: 120_000 })
  await copyPackageSettings(root)
  const key = await letIn(root, folder, sshPort)
  const power = powerOn(root, join(folder, 'console.log'))

  const sshCommand = (...flags: readonly string[]) => [
    'ssh',
    ...flags,
    ...['-p', `${sshPort}`, '-i', key, '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=5'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-F', '/dev/null'],
  ]
  const ssh: Machine['ssh'] = (user, words, options = {}) =>
    spawn([...sshCommand(), `${user}@127.0.0.1`, words.map(quoted).join(' ')], {
      timeout: options.timeout ?? 60_000,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    })
  const run: Machine['run'] = async (...words) => {
    const { code, stdout, stderr } = await ssh('root', words)
    if (code !== 0) throw new Error(`${words.join(' ')} ended with status ${code}\n${stdout}${stderr}`)
    return stdout.trim()
  }
  const up = () =>
    until('the machine to be up', 60_000, async () => {
      const state = await ssh('root', ['systemctl', 'is-system-running', '--wait'])
      return state.code !== 255 && /running|degraded/.test(state.stdout)
    })
  const stop = async () => {
    await power.off()
    await rm(folder, { recursive: true, force: true })
  }
  const reboot = async () => {
    await run('touch', '/run/before-the-reboot')
    await ssh('root', ['systemctl', 'reboot'])
    await until(
      'the machine to come back',
      90_000,
      async () => (await ssh('root', ['test', '!', '-e', '/run/before-the-reboot'])).code === 0,
    )
    await up()
  }
  try {
    await up()
  } catch (error) {
    const console = await readFile(join(folder, 'console.log'), 'utf8')
    await stop()
    throw new Error(`the machine did not boot\n${console}`, { cause: error })
  }
  return { root, sshPort, ssh, run, sshCommand, reboot, stop }
}

/** systemd-nspawn ends with this status when the machine has asked for a reboot. */
const askedForReboot = 133

function powerOn(root: string, log: string): { off(): Promise<void> } {
  let nspawn = startNspawn(root, log)
  const ended = (async () => {
    while ((await nspawn.exited) === askedForReboot) nspawn = startNspawn(root, log)
  })()
  return {
    async off() {
      nspawn.kill('SIGTERM')
      const timer = setTimeout(() => nspawn.kill('SIGKILL'), 60_000)
      await ended
      clearTimeout(timer)
    },
  }
}

function startNspawn(root: string, log: string) {
  const options = ['--quiet', '--register=no', '--keep-unit', '--boot', '--console=pipe', '--hostname=trial', '--resolv-conf=off']
  const binds = [`--bind=${downloads.debs}:/var/cache/apt/archives`, `--bind=${downloads.npm}:/root/.npm`]
  return Bun.spawn(['systemd-nspawn', ...options, ...binds, '-D', root], {
    env: { ...minimalEnvironment },
    stdin: 'ignore',
    stdout: Bun.file(log),
    stderr: Bun.file(log),
  })
}

/** A key of this run opens root's account; sshd listens on loopback only. Returns the key's path. */
async function letIn(root: string, folder: string, port: number): Promise<string> {
  const key = join(folder, 'key')
  await spawnChecked(spawn, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'the invoker', '-f', key])
  await mkdir(join(root, 'root/.ssh'), { mode: 0o700, recursive: true })
  await appendFile(join(root, 'root/.ssh/authorized_keys'), await readFile(`${key}.pub`), { mode: 0o600 })
  const settings = `Port ${port}\nListenAddress 127.0.0.1\nMaxStartups 100\n`
  await Bun.write(join(root, 'etc/ssh/sshd_config.d/trial.conf'), settings)
  return key
}

/** One word of the shell at the other end of SSH. */
const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`
