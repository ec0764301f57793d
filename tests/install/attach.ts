import type { Machine } from './machine.ts'

/** Attaches through a terminal of its own as a person would, until the screen shows `expected`. */
export async function attachOverSsh(machine: Machine, expected: string): Promise<void> {
  const [program = 'ssh', ...rest] = machine.sshCommand('-tt')
  const attach = [program, ...rest, 'ai-infra@127.0.0.1', 'tmux attach -t ai-infrastructure']
  const child = Bun.spawn(attach, {
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm-256color' },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const timer = setTimeout(() => child.kill(), 15_000)
  let screen = ''
  try {
    for await (const chunk of child.stdout) {
      screen += new TextDecoder().decode(chunk)
      if (screen.includes(expected)) return
    }
  } finally {
    clearTimeout(timer)
    child.kill()
    await child.exited
  }
  const words = Bun.stripANSI(screen + (await new Response(child.stderr).text())).slice(-2_000)
  throw new Error(`tmux attach did not show ${expected}:\n${words}`)
}
