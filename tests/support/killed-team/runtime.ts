/**
 * A runtime that is meant to be killed: the bus and the task graph, each agent's own socket, and one socket through which
 * messages and tasks come in. Arguments: its home, the names of its agents.
 */
import { join } from 'node:path'
import { createAgents } from '../../../runtime/bus/create-agents.ts'
import { readFields } from '../../../runtime/bus/parse.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { removeIfExists } from '../../../runtime/os/files.ts'
import { homeAt } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { ownRedis } from '../../../runtime/services/redis.ts'
import { openPlannedStore, openStore } from '../../../runtime/store/store.ts'
import { createTasks, type TasksRoom } from '../../../runtime/tasks/create-tasks.ts'
import { generous } from '../../../runtime/tasks/testing/room.ts'
import { createAgentSocketRoutes } from '../../../web/agent-socket/routes.ts'
import { createAgentSockets } from '../../../web/door/agent-sockets.ts'
import { createDoor } from '../../../web/door/door.ts'

const [root = '', names = ''] = process.argv.slice(2)
const home = homeAt(root)
const address = { socketFolder: home.postgresSockets, database: 'ai_infrastructure' }
const log = silentLog
const agents = createAgents({
  ...{ home, store: openStore(address), spawn, redis: await ownRedis(home), clock: systemClock, log },
  claude: { apiKey: undefined, baseUrl: undefined },
  tasks: () => tasks,
})
const tasks: TasksRoom = createTasks({
  ...{ store: openPlannedStore(address), clock: systemClock, log, random: Math.random },
  ...{ agents: agents.names, policyOf: agents.policyOf },
  async announce(announcements) {
    for (const announcement of announcements) await agents.dispatch(announcement)
  },
})
const door = createDoor({
  ...{
    routes: createAgentSocketRoutes({ agents, audit: { record: async () => {} }, hide: text => text }),
    clock: systemClock,
    log,
  },
  audit: async () => {},
  renderError: (status, message) => Response.json({ message }, { status }),
})
const sockets = createAgentSockets(home, Promise.resolve(door))

await agents.start()
for (const name of names.split(',')) {
  const nobody = { level: 1, description: '', prompt: 'none', model: 'none', maxTokens: 1, tools: [], configuration: '1' }
  if (!agents.names().includes(name)) await agents.declare({ ...nobody, name, policy: generous })
  await sockets.open(name)
}
await tasks.start()
const unix = join(home.run, 'driver.sock')
await removeIfExists(unix)
Bun.serve({
  unix,
  async fetch(request) {
    const said = readFields(await request.json(), 'said')
    const to = { agent: said.text('agent'), by: 'driver', text: said.text('text'), id: said.text('id') }
    return Response.json(await agents.tell({ ...to, priority: said.integer('priority') }))
  },
})
