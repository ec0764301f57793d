import { beforeEach, expect, test } from 'bun:test'
import { approval } from '../testing/fake-approvals.ts'
import { house } from '../testing/house.ts'
import { holdInScene, playScene } from '../testing/scene.ts'

let home: ReturnType<typeof house>

beforeEach(() => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
})

const html = async (path: string) => (await home.get(path)).text()
const digest = '5f'.repeat(32)

test('nothing waits, and the page says so', async () => {
  expect(await html('/approvals')).toContain('Nothing waits for you.')
  expect(await html('/')).toContain('<span id="pending" class="count"></span>')
})

test('what waits is shown whole, with its reason, expiry and digest, and counted on every page', async () => {
  home.approvals.ask(approval({ shown: [{ name: 'argv', text: 'rm \\u{202e}-rf' }] }))
  holdInScene(home.engine)
  const page = await html('/approvals')
  for (const words of [
    'rm \\u{202e}-rf',
    'Level 2 asks',
    digest.slice(0, 12),
    '2 things wait for you.',
    'removes 4 of 7 sites',
  ]) {
    expect(page).toContain(words)
  }
  expect(page).not.toContain('Always allow this')
  expect(await html('/')).toContain('<span id="pending" class="count">2<')
})

test('it is approved or denied once, by a person, for what was shown', async () => {
  home.approvals.ask(approval())
  home.approvals.ask(approval({ id: 'a2' }))
  const wrong = await home.post('/approvals/a1/approve', { digest: 'another' })
  expect([wrong.status, home.approvals.decisions.length]).toEqual([409, 0])
  expect(await wrong.text()).toContain('This is not what you were shown. Read it again.')
  await home.post('/approvals/a1/approve', { digest })
  await home.post('/approvals/a2/deny', { digest, note: 'not on a Friday' })
  expect(home.approvals.decisions).toEqual([
    'approved a1 by person ada@example.com',
    'denied a2 by person ada@example.com: not on a Friday',
  ])
  const again = await home.post('/approvals/a1/deny', { digest })
  expect([again.status, home.approvals.decisions.length]).toEqual([409, 2])
  expect(await html('/approvals/a2')).toContain('not on a Friday')
  expect(await html('/approvals')).toContain('by ada@example.com')
})

test('after a decision one goes back inside this portal, and nowhere else', async () => {
  home.approvals.ask(approval())
  const decided = await home.post('/approvals/a1/approve', { digest, back: '//evil.example/x' })
  expect(decided.headers.get('location')).toBe('/?done=allowed')
})

test('"always" shows the exact rule first, and there is none where there must not be', async () => {
  const rule = 'permissions:\n  infra:\n    verb:\n      allow: [certificate.status]'
  home.approvals.ask(approval({ rule }))
  home.approvals.ask(approval({ id: 'a2' }))
  expect(await html('/approvals')).toContain('/approvals/a1/always')
  expect(await html('/approvals/a1/always')).toContain(`<code>${rule}</code>`)
  expect((await home.get('/approvals/a2/always')).status).toBe(404)
  expect((await home.post('/approvals/a2/always', { digest })).status).toBe(422)
  expect(home.approvals.decisions).toEqual([])
})
