import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { killAtEveryStep, killable } from './support/kill-at-steps.ts'
import { expectSound } from './support/soundness.ts'
import { visitSteadily } from './support/steady-visitor.ts'
import { withoutAgents } from './support/without-agents.ts'

setDefaultTimeout(300_000)

let appliance: Appliance

beforeAll(async () => {
  appliance = await createAppliance()
}, 60_000)
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

test('kill -9 of the runtime at every step of a change of sites loses nothing, doubles nothing, and no visitor notices', async () => {
  await appliance.start(killable(['site']))
  const clone = await appliance.clone()
  const first = 'domains:\n  keep.example.com: { root: keep }\n  site1.example.com: { root: site1 }\n'
  await withoutAgents(appliance, clone, { 'domains.yaml': first })
  const leave = visitSteadily(appliance, 'keep.example.com')
  const steps = await killAtEveryStep({
    appliance,
    clone,
    kinds: ['site'],
    async change(round) {
      await Bun.write(join(appliance.home.www, `site${round}`, 'index.html'), `the only copy of ${round}`)
      await clone.write({
        'domains.yaml': `domains:\n  keep.example.com: { root: keep, cache_seconds: ${round} }\n  site${round + 1}.example.com: { root: site${round + 1} }\n`,
      })
    },
    async check(round, { revision }) {
      expect((await appliance.status()).revision).toBe(revision)
      expect((await appliance.visit(`site${round + 1}.example.com`)).status).toBe(200)
      expect((await appliance.visit(`site${round}.example.com`)).status).toBe(404)
      const archived = (await readdir(appliance.home.archive)).filter(name => name.startsWith(`site${round}-`))
      expect(archived).toHaveLength(1)
      const copy = Bun.file(join(appliance.home.archive, archived[0] ?? '', 'index.html'))
      expect(await copy.text()).toBe(`the only copy of ${round}`)
      for (const { outcome } of await appliance.runs('site', 'keep.example.com'))
        expect(['verified', 'interrupted']).toContain(outcome)
      await expectSound(appliance, [])
    },
  })
  expect(await leave()).toMatchObject({ failures: [] })
  expect(steps).toContain('switched')
  expect(steps.length).toBeGreaterThanOrEqual(10)
})
