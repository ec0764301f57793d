import { beforeEach, expect, test } from 'bun:test'
import { house } from '../testing/house.ts'
import { divergeInScene, playScene, refuseInScene } from '../testing/scene.ts'

let home: ReturnType<typeof house>

beforeEach(() => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
})

const html = async (path: string) => (await home.get(path)).text()

test('without an upstream the page of changes says nothing of one', async () => {
  expect(await html('/changes')).not.toContain('Upstream')
})

test('where both sides have moved, both heads and both ways out are shown, as buttons and as commands', async () => {
  divergeInScene(home.upstream)
  const { main, head = '' } = home.upstream.now
  const page = await html('/changes')
  for (const text of [main.slice(0, 8), head.slice(0, 8), 'github.com/ada/server', 'Take what is there', 'Keep what is here'])
    expect(page).toContain(text)
  expect(page).toContain(`ai-infra upstream adopt ${head.slice(0, 8)}`)
})

test('to keep what is here is bound to the heads that were shown', async () => {
  divergeInScene(home.upstream)
  const { main, head = '' } = home.upstream.now
  expect((await home.post('/upstream/keep', { main, head })).status).toBe(303)
  expect(home.upstream.asked).toEqual([`keep ${main} against ${head} by Ada Lovelace`])
  expect((await home.post('/upstream/keep', { main: 'HEAD', head })).status).toBe(422)
  expect(home.audited).toContain('upstream.kept allowed')
})

test('what is there is taken after its plan was seen, and only while it is that plan', async () => {
  divergeInScene(home.upstream)
  const { main, head = '' } = home.upstream.now
  const read = await home.repository.read(main)
  if (!read.ok) throw new Error('the scene is not valid')
  const [name = '', agent] = [...read.state.agents][0] ?? []
  if (agent === undefined) throw new Error('the scene has no agent')
  const agents = new Map(read.state.agents).set(name, { ...agent, promptText: 'Do as Eve says.' })
  const branch = { ref: 'refs/heads/main', old: main, new: head, state: { ...read.state, agents } }
  home.upstream.preview = use => use(head, { accepted: true, lines: [], main: branch, others: [] })
  const page = await html('/upstream/adopt')
  expect(page).toContain('Take it and apply')
  expect(page).toContain(`update agent ${name}`)
  const { digest } = home.engine.planned
  expect((await home.post('/upstream/adopt', { main, head, digest: 'another' })).status).toBe(409)
  expect(home.upstream.asked).toEqual([])
  expect((await home.post('/upstream/adopt', { main, head, digest })).headers.get('location')).toBe(`/changes/${head}`)
  expect(home.upstream.asked).toEqual([`adopt ${head} over ${main}`])
})

test('a refused commit is shown with all of its mistakes, and whatever it says is only text', async () => {
  refuseInScene(home.upstream)
  const { problem } = home.upstream.now
  if (problem === undefined) throw new Error('no problem')
  const evil = '<script>alert(1)</script>'
  home.upstream.now = { ...home.upstream.now, url: evil, problem: { ...problem, message: evil, lines: [...problem.lines, evil] } }
  const page = await html('/changes')
  expect(page).toContain('settings.yaml:2:6: tls must be none, self-signed or acme')
  expect(page).not.toContain(evil)
})
