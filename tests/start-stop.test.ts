import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer, type Server } from 'node:net'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { commandsOf, processesOf } from './support/processes.ts'
import { expectSound } from './support/soundness.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance

beforeAll(async () => {
  appliance = await createAppliance({ bare: true })
})
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

const agents = ['supervisor', 'code', 'data', 'infra', 'research', 'qa']

test('an end at any moment of the first start leaves no process behind, and the next start goes on from there', async () => {
  const moments: readonly [string, () => boolean][] = [
    ['the database is being made', () => commandsOf(appliance.home.root).some(command => command.includes('initdb'))],
    ['the first service is ready', () => appliance.printed().includes(' ready')],
    ['the portal is open', () => appliance.printed().includes('portal open')],
  ]
  for (const [moment, reached] of moments) {
    appliance.launch()
    await until(moment, reached)
    await appliance.end('SIGTERM')
    expect({ moment, left: commandsOf(appliance.home.root) }).toEqual({ moment, left: [] })
  }
  await appliance.start()
  await appliance.converged()
  await expectSound(appliance, agents)
})

test('a second start of the same home says so and leaves the first alone', async () => {
  const { code, error } = await appliance.command('up')
  expect(code).toBe(1)
  expect(error).toContain(`an appliance runs in ${appliance.home.root} already, as pid ${appliance.pid()}`)
  expect(error).toContain('stop that one first, or set AI_INFRA_HOME to another folder')
  expect(await appliance.status()).toMatchObject({ converged: true })
  await expectSound(appliance, agents)
})

test('after kill -9 of the runtime the next one takes over what runs: no service and no agent is started again', async () => {
  const clone = await appliance.clone()
  await clone.deliver({ 'domains.yaml': 'domains:\n  a.example.com: { root: a }\n' })
  const others = () => processesOf(appliance.home.root).filter(pid => pid !== appliance.pid())
  const services = (await appliance.services()).map(({ name, pid }) => ({ name, pid }))
  const before = await appliance.panes()
  await appliance.end('SIGKILL')
  expect(others().length).toBeGreaterThan(10)
  expect((await appliance.visit('a.example.com')).status).toBe(200)
  await appliance.start()
  await appliance.converged()
  expect((await appliance.services()).map(({ name, pid }) => ({ name, pid }))).toEqual(services)
  expect(await appliance.panes()).toEqual(before)
  await expectSound(appliance, agents)
})

test('Ctrl-C stops everything and leaves no process; everything is there again at the next start', async () => {
  const revision = (await appliance.status()).revision
  expect(await appliance.end('SIGINT')).toBe(0)
  expect(commandsOf(appliance.home.root)).toEqual([])
  await using stranger = await listenOn(appliance.ports.http)
  await appliance.start()
  expect(appliance.printed()).toContain(`port ${appliance.ports.http} is taken by `)
  expect(appliance.printed()).toContain('AI_INFRA_HTTP_PORT')
  expect((await fetch(`http://127.0.0.1:${appliance.ports.portal}/sign-in`)).status).toBe(200)
  expect(await appliance.windows()).toEqual([...agents, 'monitor', 'logs'])
  expect(await appliance.resource('site', 'a.example.com')).toMatchObject({
    state: 'waiting',
    message: expect.stringContaining(`port ${appliance.ports.http} is taken by `),
  })
  await stranger.close()
  await until('the site answers once the port is free', async () => {
    const answer = await appliance.visit('a.example.com').catch(() => undefined)
    return answer?.status === 200
  })
  expect(await appliance.converged()).toMatchObject({ revision })
})

test('a taken port of the portal ends the start with who has it and what to do, and without a process of ours', async () => {
  await appliance.end('SIGINT')
  await using _stranger = await listenOn(appliance.ports.portal)
  const { code, error } = await appliance.command('up')
  expect(code).toBe(1)
  expect(error).toContain(`port ${appliance.ports.portal} of the portal is taken`)
  expect(error).toContain('AI_INFRA_PORTAL_PORT')
  expect(commandsOf(appliance.home.root)).toEqual([])
})

async function listenOn(port: number): Promise<AsyncDisposable & { close(): Promise<void> }> {
  const server: Server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '0.0.0.0', resolve))
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  return { close, [Symbol.asyncDispose]: close }
}
