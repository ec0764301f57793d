import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createAgentSocketRoutes } from '../../web/agent-socket/routes.ts'
import { serveRoutes } from '../../web/agent-socket/testing/serve.ts'
import { agent, createRig, type Rig, type Runtime, stateOf, until } from './testing/rig.ts'

setDefaultTimeout(30_000)

let rig: Rig
let runtime: Runtime

beforeAll(async () => {
  rig = await createRig((path, name, agents) => serveRoutes(path, { kind: 'agent', name }, createAgentSocketRoutes({ agents })))
  runtime = await rig.runtime()
})
afterAll(() => rig?.stop())

const six = stateOf(...['qa', 'supervisor', 'code', 'data', 'infra', 'research'].map(name => agent(name)))

const windowNames = async () =>
  (await rig.tmux('list-windows', '-t', '=ai-infrastructure:', '-F', '#{window_name}')).trim().split('\n')

test('the six agents and the two programs appear in order, each with a living process that reports', async () => {
  const left = await runtime.converge(six)

  expect(left).toEqual({ changes: [], obstacles: [], notes: expect.anything() })
  expect(await windowNames()).toEqual(['supervisor', 'code', 'data', 'infra', 'research', 'qa', 'monitor', 'logs'])
  await until('the screen', async () => (await rig.screen('code')).includes('idle'))
})
