import { readFile } from 'node:fs/promises'
import type { ModelServer } from '../../agents/testing/model-server.ts'
import { say, slowly } from '../../agents/testing/steps.ts'
import type { Appliance } from '../../tests/support/appliance.ts'
import { urls } from '../../web/portal/urls.ts'
import { beginThread, type Ear } from './ear.ts'
import { pieces } from './text.ts'

const agents = ['supervisor', 'code', 'data', 'infra', 'research', 'qa']

/** The runtime's share of one core, in %, while six agents answer at a time, each watched by one reader. */
export async function cpuWhileSixStream(
  appliance: Appliance,
  model: ModelServer,
  ear: Ear,
  cookie: string,
  pace: number,
): Promise<number> {
  const threads = await Promise.all(agents.map(agent => beginThread(appliance, agent)))
  const end = new AbortController()
  const readers = await Promise.all(
    agents.map((agent, at) => read(appliance, pathOf(agent, threads[at] ?? ''), cookie, end.signal)),
  )
  model.reply(() => slowly(pace, say(...pieces)))
  const [startedAt, before] = [performance.now(), await cpuOf(appliance.pid())]
  await Promise.all(threads.map(thread => ear.converse(thread, 'go on')))
  const used = (await cpuOf(appliance.pid())) - before
  const passed = performance.now() - startedAt
  end.abort()
  await Promise.all(readers.map(reader => reader.ended))
  if (readers.some(({ bytes }) => bytes() < 10_000)) throw new Error('a reader saw nothing: nothing was measured')
  return (100 * used) / passed
}

/** The chat is with the supervisor; the others are watched on their own pages. */
const pathOf = (agent: string, thread: string) => (agent === 'supervisor' ? urls.chatLive.to(thread) : urls.agentLive.to(agent))

async function read(appliance: Appliance, path: string, cookie: string, signal: AbortSignal) {
  const response = await fetch(`http://127.0.0.1:${appliance.ports.portal}${path}`, { headers: { cookie }, signal })
  if (response.body === null || response.status !== 200) throw new Error(`${path} answered ${response.status}`)
  let bytes = 0
  const { body } = response
  const ended = (async () => {
    for await (const chunk of body) bytes += chunk.length
  })().catch(() => {})
  return { ended, bytes: () => bytes }
}

/** Milliseconds of a process's time on the processor so far. The kernel counts in hundredths of a second. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
