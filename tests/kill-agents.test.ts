import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { killAtEveryStep, killable } from './support/kill-at-steps.ts'
import { expectSound } from './support/soundness.ts'

setDefaultTimeout(300_000)

let appliance: Appliance

beforeAll(async () => {
  appliance = await createAppliance()
}, 60_000)
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

/** In each round one agent comes, one goes, one gets another level and so a new process, and one only another prompt. */
const agents = (round: number) => ['supervisor', 'code', 'qa', 'research', `writer${round}`]
const yaml = (round: number) =>
  `agents:\n${agents(round)
    .map(name => `  ${name}: { level: ${name === 'code' ? round % 3 : 1}, prompt: agents/${name === 'qa' ? 'qa' : 'code'}.md }\n`)
    .join('')}`

test('kill -9 of the runtime at every step of a change of agents loses nothing and doubles nothing', async () => {
  await appliance.start(killable(['agent']))
  const clone = await appliance.clone()
  const first = await clone.deliver({ 'agents.yaml': yaml(0) })
  await appliance.command('approve', first.remote.join('\n').match(/approve ([0-9a-f]{12})/)?.[1] ?? '')
  await appliance.converged(first.revision)
  const steps = await killAtEveryStep({
    appliance,
    clone,
    kinds: ['agent'],
    async change(round) {
      await clone.write({ 'agents.yaml': yaml(round), 'agents/qa.md': `You look for what is weak, for the ${round}th time.\n` })
    },
    async check(round, { revision }) {
      expect((await appliance.status()).revision).toBe(revision)
      await expectSound(appliance, inOrder(agents(round)))
      expect((await stat(join(appliance.home.workspaces, `writer${round - 1}`))).isDirectory()).toBe(true)
      const briefing = await fetch('http://agent/agent/briefing', { unix: join(appliance.home.agentSockets, 'qa.sock') })
      expect(await briefing.text()).toContain(`for the ${round}th time`)
      for (const name of agents(round)) {
        for (const { outcome } of await appliance.runs('agent', name)) expect(['verified', 'interrupted']).toContain(outcome)
      }
    },
  })
  expect(steps.map(step => step.replace(/ #\d+$/, ''))).toEqual(
    expect.arrayContaining(['make the workspace', 'drained', 'start the process', 'arranged', 'declared', 'forgotten']),
  )
  expect(steps.length).toBeGreaterThanOrEqual(12)
})

const inOrder = (names: readonly string[]) => {
  const first = ['supervisor', 'code', 'data', 'infra', 'research', 'qa']
  return [...first.filter(name => names.includes(name)), ...names.filter(name => !first.includes(name))]
}
