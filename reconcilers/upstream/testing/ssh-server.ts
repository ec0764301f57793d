import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { minimalEnvironment, spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
import { freePorts } from '../../../runtime/os/testing/free-ports.ts'

export interface SshServer extends AsyncDisposable {
  /** Address of a repository on it. */
  url(repository: string): string
  /** Line of known_hosts. */
  readonly hostKey: string
  /** Private key that it lets in. */
  readonly key: string
}

/** A real sshd for one key on a free port, as our own user. */
export async function startSshServer(folder: string): Promise<SshServer> {
  const at = (name: string) => join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const [port = 0] = freePorts(1)
  for (const name of ['host', 'client']) {
    await spawnChecked(spawn, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(name)])
  }
  await writeFile(at('authorized'), await readFile(at('client.pub')))
  await chmod(at('authorized'), 0o600)
  const options = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${at('host')}`, `AuthorizedKeysFile ${at('authorized')}`],
    ...['PasswordAuthentication no', 'StrictModes no', 'UsePAM no', 'PidFile none'],
  ]
  await writeFile(at('config'), `${options.join('\n')}\n`)
  const child = Bun.spawn(['/usr/sbin/sshd', '-D', '-e', '-f', at('config')], {
    env: { ...minimalEnvironment },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const reader = child.stderr.getReader()
  let said = ''
  while (!said.includes('Server listening')) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`sshd ended: ${said}`)
    said += new TextDecoder().decode(value)
  }
  const [type, key] = (await readFile(at('host.pub'), 'utf8')).split(' ')
  return {
    url: repository => `ssh://${userInfo().username}@127.0.0.1:${port}${repository}`,
    hostKey: `[127.0.0.1]:${port} ${type} ${key}`.trim(),
    key: await readFile(at('client'), 'utf8'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}
