import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { commandLine, listProcesses } from '../os/process.ts'
import { untilTrue } from '../os/testing/until-true.ts'
import { policyWith, rules } from '../policy/rules/testing/policy.ts'
import { createSandbox } from './create.ts'
import { shellIn, somePlaces } from './testing/places.ts'

setDefaultTimeout(120_000)

const running = (words: string) => listProcesses().filter(one => commandLine(one.pid).join(' ').includes(words))

const homes: string[] = []
afterAll(async () => {
  for (const home of homes) await rm(home, { recursive: true, force: true })
})

test('a killed agent leaves no command behind, and the next sandbox removes the rest', async () => {
  const agent = Bun.spawn([process.execPath, join(import.meta.dir, 'testing/run-until-killed.ts')], { stdout: 'pipe' })
  const { value } = await agent.stdout.getReader().read()
  homes.push(new TextDecoder().decode(value).trim())
  const bridge = running('UNIX-LISTEN').find(one => one.parent === agent.pid)
  expect(bridge).toBeDefined()
  expect(running('sleep 4242').length).toBeGreaterThan(0)
  agent.kill('SIGKILL')
  await agent.exited
  await untilTrue(() => running('sleep 4242').length === 0)

  await using places = await somePlaces()
  const sandbox = createSandbox()
  await shellIn(sandbox, places, policyWith({ read: rules(['workspace']) }))('true')
  await untilTrue(() => !listProcesses().some(one => one.pid === bridge?.pid && one.start === bridge?.start))
  await sandbox.stop()
})
