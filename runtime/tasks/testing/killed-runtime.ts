/** A runtime that is meant to be killed: the task graph behind a socket. Arguments: folder of Postgres's socket, own socket, agents. */
import { rmSync } from 'node:fs'
import { systemClock } from '../../os/clock.ts'
import { silentLog } from '../../os/log.ts'
import { openPlannedStore } from '../../store/store.ts'
import { createTasks } from '../create-tasks.ts'
import { generous } from './room.ts'

const [socketFolder = '', unix = '', names = ''] = process.argv.slice(2)
const agents = names.split(',')
const store = openPlannedStore({ socketFolder, database: 'ai_infrastructure' })
const tasks = createTasks({
  ...{ store, clock: systemClock, log: silentLog, random: Math.random },
  agents: () => agents,
  policyOf: () => generous,
})
await tasks.start()
rmSync(unix, { force: true })
Bun.serve({
  unix,
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const agent = searchParams.get('agent') ?? ''
    if (pathname === '/complete') {
      const token = Number(searchParams.get('token'))
      return Response.json(await tasks.complete(searchParams.get('id') ?? '', token, `${agent} ${token}`))
    }
    // What this agent had before it was killed comes first, as its inbox would bring it again.
    const [held] = await tasks.list({ agent, states: ['assigned', 'in_progress'], limit: 1 })
    if (held === undefined) return Response.json((await tasks.claimNext(agent, 1))[0] ?? null)
    const again = await tasks.claim(held.id, agent)
    return Response.json(again.outcome === 'claimed' ? again.claim : null)
  },
})
