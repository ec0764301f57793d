import { homeAt } from '../../os/home.ts'
import { postgresService } from '../postgres.ts'
import { findPostgres } from '../postgres-program.ts'
import { redisService } from '../redis.ts'
import { createSupervisor } from '../supervisor.ts'

// The smallest `up`: Postgres and Redis of one home. Prints `ready` with their pids, stops on SIGTERM.
const home = homeAt(process.argv[2] ?? '')
const services = [postgresService(home, await findPostgres(home)), redisService(home)]
const supervisor = createSupervisor({ home, services })
process.on('SIGTERM', async () => {
  await supervisor.stop()
  process.exit(0)
})
await supervisor.start()
console.log(`ready ${JSON.stringify(supervisor.status().map(one => one.pid))}`)
setInterval(() => {}, 60_000)
