import { chmod } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectory } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { minimalEnvironment } from '../os/spawn.ts'
import { redisAnswers } from './probes.ts'
import type { Service } from './service.ts'

/** Our own Redis: a Unix socket of 0600, no port, nothing kept on disk; full means refused, never forgotten. */
export function redisService(home: Home, program = '/usr/bin/redis-server'): Service {
  return {
    name: 'redis',
    argv: redisArguments(home, program),
    env: { ...minimalEnvironment },
    cwd: home.root,
    listens: [{ socket: home.redisSocket }],
    async prepare() {
      await makeDirectory(home.redisData, 0o700)
      await chmod(home.redisData, 0o700)
      await makeDirectory(dirname(home.redisSocket), 0o755)
    },
    ready: signal => redisAnswers({ socket: home.redisSocket }, signal),
    stopSignal: 'SIGTERM',
    stopTimeout: 5_000,
  }
}

export function redisArguments(home: Home, program: string): string[] {
  const settings = {
    port: '0',
    unixsocket: home.redisSocket,
    unixsocketperm: '600',
    'protected-mode': 'yes',
    dir: home.redisData,
    save: '',
    appendonly: 'no',
    maxmemory: '64mb',
    'maxmemory-policy': 'noeviction',
    maxclients: '256',
    databases: '1',
    daemonize: 'no',
    'set-proc-title': 'no',
    logfile: '',
    loglevel: 'notice',
  }
  return [program, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])]
}
