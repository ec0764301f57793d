import { join } from 'node:path'
import type { Home } from '../../runtime/os/home.ts'
import type { RedisAddress } from '../../runtime/services/probes.ts'
import { ownRedis, redisService } from '../../runtime/services/redis.ts'

export interface BenchRedis extends AsyncDisposable {
  readonly address: Extract<RedisAddress, { socket: string }>
  readonly password: string
}

/** The Redis of the appliance, as it is started there, in this home. */
export async function startRedis(home: Home): Promise<BenchRedis> {
  const service = redisService(home)
  await service.prepare()
  const log = Bun.file(join(home.logs, 'redis.log'))
  const child = Bun.spawn([...service.argv], { cwd: service.cwd, env: service.env, stdout: log, stderr: log })
  const deadline = AbortSignal.timeout(20_000)
  while (!(await service.ready(deadline))) {
    deadline.throwIfAborted()
    await Bun.sleep(20)
  }
  const address = await ownRedis(home)
  if (!('socket' in address)) throw new Error('the appliance’s own Redis listens on a socket')
  return {
    address,
    password: address.password ?? '',
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}
