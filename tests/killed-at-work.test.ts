import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type ModelServer, startModelServer } from '../agents/testing/model-server.ts'
import { call, held, type Step, say, together } from '../agents/testing/steps.ts'
import { type Appliance, createAppliance, processesOf } from './support/appliance.ts'
import { killAll } from './support/processes.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let model: ModelServer
const env = () => ({ ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: model.url })

beforeAll(async () => {
  model = startModelServer()
  appliance = await createAppliance()
  await appliance.start({ env: env() })
  const clone = await appliance.clone()
  const { revision } = await clone.deliver({
    'permissions.yaml': 'permissions:\n  code:\n    run: { allow: ["*"], ask: [tee] }\n',
  })
  await appliance.converged(revision)
})
afterAll(async () => {
  await appliance?.[Symbol.asyncDispose]()
  await model?.stop()
})

const ask = async (path: string, content?: object): Promise<unknown> => {
  const body = content === undefined ? {} : { method: 'POST', body: JSON.stringify(content) }
  const response = await fetch(`http://appliance${path}`, {
    unix: appliance.home.apiSocket,
    headers: { 'content-type': 'application/json' },
    ...body,
  })
  if (response.status === 429 || response.status === 503) {
    await Bun.sleep(300)
    return ask(path, content)
  }
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}
/** The same while the runtime is away. */
const found = <T>(path: string, shape: z.ZodType<T>) =>
  ask(path).then(
    answer => shape.parse(answer),
    () => undefined,
  )

const utterances = z.array(
  z.object({ id: z.string(), role: z.string(), text: z.string(), state: z.string(), answers: z.string().optional() }),
)
const steps = z.array(z.object({ tool: z.string(), state: z.string() }))
const threads = z.array(z.object({ id: z.string(), task: z.string().optional() }))
const taskShape = z.object({ id: z.string(), state: z.string(), result: z.string().optional(), tries: z.number() })
const waitingShape = z.object({ waiting: z.array(z.object({ id: z.string(), title: z.string() })) })

/** What happens, until all of it is back. */
const harm: Record<string, () => Promise<void>> = {
  'its agent is killed': async () => {
    const before = (await appliance.panes()).get('code') ?? 0
    process.kill(before, 'SIGKILL')
    await until('code runs again', async () => {
      const now = (await appliance.panes()).get('code')
      return now !== undefined && now !== before
    })
  },
  'the runtime is killed': async () => {
    await appliance.end('SIGKILL')
    await appliance.start({ env: env() })
  },
  'Redis is killed': () => killService('redis'),
  'Postgres is killed': () => killService('postgres'),
  'Redis is emptied': async () => {
    const password = /requirepass (.*)/.exec(await readFile(join(appliance.home.redisData, 'redis.conf'), 'utf8'))?.[1] ?? ''
    const flush = Bun.spawn(['redis-cli', '-s', appliance.home.redisSocket, '--no-auth-warning', '-a', password, 'FLUSHALL'])
    expect(await flush.exited).toBe(0)
  },
  'everything is killed': async () => {
    killAll(processesOf(appliance.home.root))
    await appliance.ended()
    await appliance.start({ env: env() })
  },
}

async function killService(name: string): Promise<void> {
  const pid = async () => (await appliance.services()).find(one => one.name === name && one.state === 'ready')?.pid
  const before = (await pid()) ?? 0
  process.kill(before, 'SIGKILL')
  await until(`${name} runs again`, async () => {
    const now = await pid()
    return now !== undefined && now !== before
  })
}

const ways = Object.entries(harm)
/** What a person or a stream that waits can lose is with the agent, the runtime, or both. */
const someWays = ways.filter(([way]) => ['its agent is killed', 'the runtime is killed', 'everything is killed'].includes(way))

test.each(someWays)('an answer that streams goes on when %s, and is there once', async (_, kill) => {
  const release = Promise.withResolvers<void>()
  let asked = 0
  model.script({
    code: () => (asked++ === 0 ? held(release.promise, say('Part one. ', 'Part two.')) : say('Part one. ', 'Part two.')),
  })
  const { id: thread } = z.object({ id: z.string() }).parse(await ask('/api/chat/threads', { agent: 'code' }))
  await ask(`/api/chat/threads/${thread}/messages`, { text: 'Speak.' })
  const said = () => found(`/api/chat/threads/${thread}/messages`, utterances)
  await until('it streams', async () => (await said())?.some(({ text }) => text === 'Part one. '))
  await kill()
  release.resolve()
  await until('it is answered', async () => (await said())?.every(({ state }) => state === 'done'), 60_000)
  expect((await said())?.map(({ role, text }) => `${role}: ${text}`)).toEqual(['person: Speak.', 'agent: Part one. Part two.'])
  expect(asked).toBeLessThanOrEqual(2)
})

const working = () => join(appliance.home.workspaces, 'code', 'working')

/** A file of code in the folder of one of its tasks. */
async function pathOf(name: string): Promise<string | undefined> {
  const paths = await readdir(working(), { recursive: true }).catch(() => [])
  const path = paths.find(one => one.endsWith(name))
  return path === undefined ? undefined : join(working(), path)
}

async function linesOf(name: string): Promise<readonly string[]> {
  const path = await pathOf(name)
  return path === undefined ? [] : (await readFile(path, 'utf8')).split('\n').filter(line => line !== '')
}

interface Submitted {
  readonly id: string
  now(): Promise<z.infer<typeof taskShape> | undefined>
}

async function submitted(name: string): Promise<Submitted> {
  const task = { name, agent: 'code', description: `Do ${name}.`, timeoutSeconds: 600 }
  const [first] = z.array(taskShape).parse(await ask('/api/tasks', { tasks: [task] }))
  const id = first?.id ?? ''
  return { id, now: () => found(`/api/tasks/${id}`, taskShape) }
}

const ended = (task: Submitted) =>
  until(
    'it has ended',
    async () => {
      const now = await task.now()
      return now?.state === 'completed' || now?.state === 'failed' ? now : undefined
    },
    60_000,
  )

/** The chat says of each call how it ended. */
async function stepsOf(task: Submitted): Promise<readonly string[]> {
  const thread = (await found('/api/chat/threads?agent=code&kind=task', threads))?.find(one => one.task === task.id)?.id
  return ((await found(`/api/chat/threads/${thread}/steps`, steps)) ?? []).map(step => `${step.tool} ${step.state}`)
}

let made = 0

test.each(ways)('a task goes on when %s in the middle of a command, which is not made again', async (_, kill) => {
  const name = `command${++made}`
  const script: Step[] = [
    together(
      call('run', {
        command: `echo begun >> ${name}-log; until test -e ${name}-go; do sleep 0.1; done; echo ended >> ${name}-log`,
      }),
    ),
    say('Looked.'),
  ]
  model.script({ code: script })
  const task = await submitted(name)
  await until('the command has begun', async () => (await linesOf(`${name}-log`)).length === 1)
  await kill()
  await writeFile(((await pathOf(`${name}-log`)) ?? '').replace(/log$/, 'go'), '')
  const done = await ended(task)
  expect(done).toMatchObject({ state: 'completed', result: 'Looked.', tries: 1 })
  expect((await linesOf(`${name}-log`)).filter(line => line === 'begun')).toEqual(['begun'])
  expect(await stepsOf(task)).toEqual([expect.stringMatching(/^run (done|failed)$/)])
  expect(model.left('code')).toBe(0)
})

test.each(someWays)('a task that waits for a person waits on when %s, and does it once', async (_, kill) => {
  const name = `asking${++made}`
  model.script({ code: [call('run', { command: `echo ${name} | tee -a ${name}-log` }), say('Written.')] })
  const task = await submitted(name)
  const waiting = async () => (await found('/api/approvals', waitingShape))?.waiting.find(({ title }) => title.includes(name))
  const before = await until('a person is asked', waiting)
  await kill()
  const asked = await until('a person is asked still', waiting)
  expect(asked.id).toBe(before.id)
  await ask(`/api/approvals/${asked.id}/approve`, {})
  const done = await ended(task)
  expect(done).toMatchObject({ state: 'completed', result: 'Written.', tries: 1 })
  expect(await linesOf(`${name}-log`)).toEqual([name])
  expect(await stepsOf(task)).toEqual(['run done'])
  expect(await found('/api/approvals', waitingShape)).toMatchObject({ waiting: [] })
  expect(model.left('code')).toBe(0)
})
