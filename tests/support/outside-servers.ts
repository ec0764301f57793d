import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { homeAt } from '../../runtime/os/home.ts'
import { freePorts } from '../../runtime/os/testing/free-ports.ts'
import { postgresArguments } from '../../runtime/services/postgres.ts'
import { findPostgres } from '../../runtime/services/postgres-program.ts'
import { redisAnswers } from '../../runtime/services/probes.ts'
import { placeReadyMadeDatabase } from '../../runtime/store/testing/ready-made.ts'
import { until } from './until.ts'

/** A Postgres and a Redis of somebody else, which are reached over TCP and want passwords. */
export interface OutsideServers extends AsyncDisposable {
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly postgresPort: number
  /** Runs statements as the superuser of the server, over its own socket. */
  byHand(statements: string): Promise<void>
  /** All that the appliance keeps in its database. */
  dump(): Promise<string>
}

const hba = 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n'

export async function startOutsideServers(passwords: {
  readonly postgres: string
  readonly redis: string
}): Promise<OutsideServers> {
  const home = homeAt(await mkdtemp(join(tmpdir(), 'os-')))
  const program = await findPostgres(home)
  const [postgresPort = 0, redisPort = 0] = freePorts(2)
  await mkdir(home.postgresSockets, { recursive: true, mode: 0o700 })
  await placeReadyMadeDatabase(home)
  const hbaPath = join(home.root, 'hba')
  await writeFile(hbaPath, hba)
  const log = Bun.file(join(home.root, 'log'))
  const to = { stdout: log, stderr: log, env: { LANG: 'C.UTF-8' }, cwd: home.root } as const
  const settings = [
    `hba_file=${hbaPath}`,
    'listen_addresses=127.0.0.1',
    `port=${postgresPort}`,
    'fsync=off',
    'max_connections=60',
  ]
  const database = Bun.spawn([...postgresArguments(home, program), ...settings.flatMap(each => ['-c', each])], to)
  const redis = Bun.spawn(['/usr/bin/redis-server', '-'], {
    ...to,
    stdin: Buffer.from(`port ${redisPort}\nbind 127.0.0.1\nsave ""\nrequirepass ${JSON.stringify(passwords.redis)}\n`),
  })
  const owner = postgres({
    ...{ host: home.postgresSockets, port: postgresPort, username: 'postgres', database: 'ai_infrastructure' },
    ...{ max: 1, onnotice: () => {}, fetch_types: false },
  })
  const byHand = async (statements: string) => void (await owner.unsafe(statements))
  const redisUrl = `redis://:${encodeURIComponent(passwords.redis)}@127.0.0.1:${redisPort}`
  await until('Postgres answers', () =>
    byHand('SELECT 1').then(
      () => true,
      () => false,
    ),
  )
  await until('Redis answers', () => redisAnswers({ url: redisUrl }, AbortSignal.timeout(5_000)))
  await byHand(`ALTER ROLE ai_infra PASSWORD '${passwords.postgres}'`)
  return {
    postgresPort,
    redisUrl,
    databaseUrl: `postgres://ai_infra:${encodeURIComponent(passwords.postgres)}@127.0.0.1:${postgresPort}/ai_infrastructure`,
    byHand,
    async dump() {
      const argv = [join(program.folder, 'pg_dump'), '-h', home.postgresSockets, '-p', String(postgresPort)]
      const run = Bun.spawn([...argv, '-U', 'postgres', '-n', 'public', '-d', 'ai_infrastructure'], {
        ...{ stdout: 'pipe', stderr: 'inherit', env: { LANG: 'C.UTF-8' } },
      })
      return new Response(run.stdout).text()
    },
    async [Symbol.asyncDispose]() {
      await owner.end({ timeout: 1 })
      database.kill('SIGQUIT')
      redis.kill('SIGKILL')
      await Promise.all([database.exited, redis.exited])
      await rm(home.root, { recursive: true, force: true })
    },
  }
}
