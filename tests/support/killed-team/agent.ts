/**
 * An agent that is meant to be killed: its loop, inbox and connection are the real ones, and in the place of a model it says
 * what it was told. Arguments: the home, its name, a file for the works whose end the runtime took from it.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../../agents/connection.ts'
import { createHeart } from '../../../agents/heart.ts'
import { type Inbox, openInbox } from '../../../agents/inbox.ts'
import { createLoop } from '../../../agents/loop.ts'
import { createVitals, processVitals } from '../../../agents/vitals.ts'
import type { Briefing } from '../../../runtime/bus/protocol.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { homeAt } from '../../../runtime/os/home.ts'

const [root = '', name = '', file = ''] = process.argv.slice(2)
const connection = connect(join(homeAt(root).agentSockets, `${name}.sock`))
const startedAt = new Date().toISOString()
const vitals = createVitals(processVitals)
const tasks = new Map<string, string>()
let briefing: Briefing | undefined
let inbox: Inbox | undefined
let ready = false

const loop = createLoop({
  draining: () => false,
  inbox: () => (ready ? inbox : undefined),
  start: connection.start,
  carryOut: work => {
    if (work.task !== undefined) tasks.set(work.id, work.task.id)
    const text = `done: ${work.text}`
    return { ended: Bun.sleep(Math.random() * 4).then(() => ({ outcome: 'done', text })), ask() {} }
  },
  async finish(work, ending) {
    const standing = await connection.finish(work, ending)
    if (standing.outcome === 'recorded') appendFileSync(file, `${tasks.get(work) ?? work}\n`)
    return standing
  },
  emit() {},
  clock: systemClock,
})

function use({ redis }: Briefing): void {
  inbox?.close()
  ready = false
  const connected = () => {
    ready = true
    loop.reconnected()
  }
  const lost = () => {
    ready = false
  }
  inbox = openInbox(name, redis, { wake: loop.wake, connected, lost })
}

const beat = createHeart({
  async send() {
    const { promptHash = '', configuration = '' } = briefing ?? {}
    const who = { pid: process.pid, startedAt, activity: 'idle', doing: '', drained: false, promptHash, configuration } as const
    return (await connection.heartbeat({ ...who, ...vitals() })).version
  },
  version: () => briefing?.version ?? '',
  async rebrief() {
    briefing = await connection.briefing()
    use(briefing)
  },
  heard() {},
  sleep: () => Bun.sleep(50),
})
beat()
setInterval(() => [beat(), loop.wake()], 500)
