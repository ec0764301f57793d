import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { minimalEnvironment, spawn } from '../../runtime/os/spawn.ts'
import type { Machine } from './machine.ts'

/** What the installer's last screen says to do: clone, edit, push. Returns what the push showed. */
export async function push(machine: Machine, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const folder = await mkdtemp('/tmp/ai-infra-clone.')
  try {
    const environment = { ...minimalEnvironment, HOME: folder, GIT_SSH_COMMAND: machine.sshCommand().join(' ') }
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
    const git = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await spawn(['git', ...identity, ...words], {
        cwd: folder,
        env: environment,
        timeout: 120_000,
      })
      if (code !== 0) throw new Error(`git ${words[0]} ended with status ${code}\n${stdout}${stderr}`)
      return stderr
    }
    await git('clone', '--quiet', 'ai-infra@127.0.0.1:desired-state.git', 'state')
    for (const [path, text] of Object.entries(files)) await Bun.write(join(folder, 'state', path), text)
    await git('-C', 'state', 'add', ...Object.keys(files))
    await git('-C', 'state', 'commit', '--quiet', '--message', `Change ${Object.keys(files).join(', ')}`)
    const progress = await git('-C', 'state', 'push')
    return progress.split('\n').filter(line => line.startsWith('remote:'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
