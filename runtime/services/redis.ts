import { chmod } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeDirectory, readTextIfExists, writeFileAtomic } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { minimalEnvironment } from '../os/spawn.ts'
import { type RedisAddress, redisAnswers } from './probes.ts'
import { redisPassword } from './redis-password.ts'
import type { Service } from './service.ts'

/** Our own Redis: a Unix socket of 0600, a password that no argument list shows, no port, nothing kept on disk; full means refused, never forgotten. */
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
      const configuration = `requirepass ${await redisPassword(home)}\n`
      if ((await readTextIfExists(configurationOf(home))) === configuration) return
      await writeFileAtomic(configurationOf(home), configuration, 0o600)
    },
    ready: async signal => redisAnswers(await ownRedis(home), signal),
    stopSignal: 'SIGTERM',
    stopTimeout: 5_000,
  }
}

/** What only its owner may read; everything else is an argument, so that a change of it is seen. */
const configurationOf = (home: Home) => join(home.redisData, 'redis.conf')

/** Where our own Redis is, for whoever may do everything there. */
export const ownRedis = async (home: Home): Promise<RedisAddress> => ({
  socket: home.redisSocket,
  password: await redisPassword(home),
})

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
  return [program, configurationOf(home), ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])]
}
