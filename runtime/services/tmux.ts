import { chmod, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, removeIfExists, replaceLink, writeFileAtomic } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { minimalEnvironment, type Spawn, spawn } from '../os/spawn.ts'
import type { Service } from './service.ts'
import { changedChannel, tmuxCommand } from './tmux-commands.ts'

/** Our own tmux server: its own socket and configuration, there also when no window is. */
export function tmuxService(home: Home, run: Spawn = spawn, program = '/usr/bin/tmux'): Service {
  return {
    name: 'tmux',
    argv: tmuxArguments(home, program),
    env: { ...minimalEnvironment, TERM: 'tmux-256color', SHELL: '/bin/bash' },
    cwd: home.root,
    listens: [{ socket: home.tmuxSocket }],
    prepare: () => prepareTmux(home),
    ready: signal => answers(home, run, signal),
    stopSignal: 'SIGTERM',
    stopTimeout: 5_000,
  }
}

export const tmuxArguments = (home: Home, program: string): string[] => [
  program,
  '-D',
  '-u',
  '-f',
  configurationPath(home),
  '-S',
  home.tmuxSocket,
]

const configurationPath = (home: Home) => join(home.run, 'tmux.conf')

async function prepareTmux(home: Home): Promise<void> {
  await makeDirectory(home.run)
  await makeDirectory(home.logs)
  await writeFileAtomic(configurationPath(home), renderTmuxConfiguration())
  await linkDefaultSocket(home)
}

/** tmux looks for `<TMUX_TMPDIR>/tmux-<uid>/default` when it is told no socket. */
async function linkDefaultSocket(home: Home): Promise<void> {
  const folder = join(home.run, `tmux-${(await lstat(home.run)).uid}`)
  await makeDirectory(folder, 0o700)
  await chmod(folder, 0o700)
  const path = join(folder, 'default')
  await removeIfExists(path)
  await replaceLink(path, join('..', 'tmux.sock'))
}

async function answers(home: Home, run: Spawn, signal: AbortSignal): Promise<boolean> {
  try {
    const result = await run(tmuxCommand(home.tmuxSocket, ['list-sessions']), { signal, timeout: 5_000 })
    return result.code === 0
  } catch {
    return false
  }
}

export function renderTmuxConfiguration(): string {
  const hooks = ['pane-died', 'pane-exited', 'window-unlinked', 'window-renamed', 'session-closed', 'session-renamed']
  return `${[
    '# Written by AI Infrastructure at each start; changes here are lost.',
    'set -s exit-empty off',
    'set -s escape-time 20',
    'set -s set-clipboard external',
    'set -s focus-events on',
    'set -g default-terminal tmux-256color',
    'set -g mouse on',
    'set -g history-limit 5000',
    'set -g base-index 0',
    'set -g renumber-windows off',
    'set -g default-size 100x32',
    'set -g window-size latest',
    "set -g update-environment ''",
    'set -g display-time 2500',
    'set -g set-titles on',
    "set -g set-titles-string 'AI Infrastructure · #W'",
    'set -g status on',
    'set -g status-interval 30',
    'set -g status-position bottom',
    "set -g status-style 'bg=colour235,fg=colour250'",
    'set -g status-left-length 24',
    "set -g status-left '#[bg=colour37,fg=colour233,bold] AI Infrastructure #[default] '",
    'set -g status-right-length 40',
    "set -g status-right '#{?#{e|>=:#{client_width},130},#[fg=colour244]C-b n next · C-b d leaves  ,}#[fg=colour250]%H:%M '",
    "set -g window-status-separator ''",
    "set -g window-status-format '#[fg=colour246] #I #W#{?pane_dead,#[fg=colour203] ✕,} '",
    "set -g window-status-current-format '#[bg=colour239,fg=colour231,bold] #I #W#{?pane_dead,#[fg=colour203] ✕,} '",
    "set -g message-style 'bg=colour37,fg=colour233'",
    "set -g mode-style 'bg=colour37,fg=colour233'",
    "set -g pane-border-style 'fg=colour238'",
    "set -g pane-active-border-style 'fg=colour37'",
    ...hooks.map(hook => `set-hook -g ${hook} 'wait-for -S ${changedChannel}'`),
  ].join('\n')}\n`
}
