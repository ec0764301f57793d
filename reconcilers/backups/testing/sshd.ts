import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { minimalEnvironment, spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
import { freePorts } from '../../../runtime/os/testing/free-ports.ts'

export interface Sshd extends AsyncDisposable {
  readonly port: number
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string
  readonly user: string
  /** Who may come in, as lines of authorized_keys. */
  letIn(keys: string): Promise<void>
}

/** A real sshd of this user, with sftp and nothing else. */
export async function startSshd(): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), 'sh-'))
  const at = (name: string) => join(folder, name)
  const [port = 0] = freePorts(1)
  await spawnChecked(spawn, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at('host')])
  await writeFile(at('authorized'), '')
  const lines = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${at('host')}`, `PidFile ${at('pid')}`],
    ...[`AuthorizedKeysFile ${at('authorized')}`, 'StrictModes no', 'PasswordAuthentication no', 'UsePAM no'],
    ...['KbdInteractiveAuthentication no', 'Subsystem sftp internal-sftp'],
  ]
  await writeFile(at('config'), `${lines.join('\n')}\n`)
  const log = Bun.file(at('log'))
  const child = Bun.spawn(['/usr/sbin/sshd', '-D', '-e', '-f', at('config')], {
    ...{ cwd: folder, env: { ...minimalEnvironment }, stdin: 'ignore', stdout: log, stderr: log },
  })
  const deadline = AbortSignal.timeout(60_000)
  while (!(await log.text().catch(() => '')).includes('Server listening')) {
    if (deadline.aborted || child.exitCode !== null) throw new Error(await log.text())
    await Bun.sleep(10)
  }
  const [type = '', key = ''] = (await readFile(at('host.pub'), 'utf8')).split(' ')
  return {
    port,
    hostKey: `${type} ${key}`,
    user: (await spawnChecked(spawn, ['id', '-un'])).trim() || userInfo().username,
    async letIn(keys) {
      await writeFile(at('authorized'), `${keys}\n`)
      await chmod(at('authorized'), 0o600)
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
