import { beforeEach, expect, test } from 'bun:test'
import { assets } from './assets.ts'
import { approval } from './testing/fake-approvals.ts'
import { house } from './testing/house.ts'
import { holdInScene, playScene } from './testing/scene.ts'

let home: ReturnType<typeof house>

beforeEach(() => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
})

const html = async (path: string) => (await home.get(path)).text()

test('the overview names every resource, its state, reason and message', async () => {
  const page = await html('/')
  for (const { key, state, reason, message } of home.engine.status().resources) {
    expect(page).toContain(`<code>${key}</code>`)
    for (const text of [state, reason, message]) expect(page).toContain(text.replaceAll('"', '&quot;'))
  }
})

test('the overview says in words whether the server is as declared', async () => {
  expect(await html('/')).toContain('The server is moving to')
  home.engine.put({
    kind: 'site',
    key: 'status.example.com',
    state: 'failed',
    reason: 'x',
    message: 'y',
    revision: '',
    since: '',
  })
  expect(await html('/')).toContain('1 of 13 is not as declared.')
  holdInScene(home.engine)
  expect(await html('/')).toContain('One plan waits for your approval.')
})

test('the overview says first what an agent asks a person', async () => {
  home.approvals.ask(approval({ id: 'a7', title: 'publish bakery' }))
  await home.approvals.waiting()
  const page = await html('/')
  expect(page).toContain('href="/approvals/a7"')
  expect(page).toContain('publish bakery')
  expect(page).not.toContain('Nothing. Whatever drifts')
})

test('an empty server says which commands make the first site', async () => {
  home = house()
  const page = await html('/')
  expect(page).toContain('Nothing is declared yet.')
  expect(page).toContain('git clone ai-infra@atlas:desired-state.git')
})

test('a held plan is shown whole and approved once, by the person', async () => {
  holdInScene(home.engine)
  const [hold] = home.engine.holds()
  const page = await html(`/held/${hold?.id}`)
  for (const { kind, changes } of hold?.kinds ?? [])
    for (const text of [kind, ...changes.map(({ key }) => key)]) expect(page).toContain(text)
  expect(page).toContain('certificate: goes with site')
  expect(page).toContain(`<input type="hidden" name="digest" value="${hold?.digest}"/>`)
  const approve = (digest = hold?.digest ?? '') => home.post(`/held/${hold?.id}/approve`, { digest })
  for (const other of ['', '00'.repeat(32)]) {
    const refused = await approve(other)
    expect([refused.status, await refused.text()]).toEqual([409, expect.stringContaining('Look at what is held now.')])
  }
  expect(home.engine.holds()).toHaveLength(1)
  const first = await approve()
  expect(first.headers.get('location')).toBe('/?done=approved')
  const second = await approve()
  expect([second.status, await second.text()]).toEqual([409, expect.stringContaining('That was approved already.')])
  expect(home.engine.asked[0]).toBe(`approve ${hold?.id} by person ada@example.com`)
  const outcomes = home.audited.filter(line => /^hold\.approved (allowed|failed)$/.test(line)).map(line => line.split(' ')[1])
  expect(outcomes).toEqual(['failed', 'failed', 'allowed', 'failed'])
  expect((await home.get(`/held/${hold?.id}`)).status).toBe(404)
})

test('a resource shows its runs, and is suspended with a reason and a time', async () => {
  const page = await html('/resources/site/grafana.example.com')
  expect(page).toContain('nothing listens on 127.0.0.1:3100')
  expect(page.match(/class="because"/g)).toHaveLength(7)
  const path = '/resources/site/grafana.example.com/suspend'
  expect((await home.post(path, { reason: '', hours: '4' })).status).toBe(422)
  expect((await home.post(path, { reason: 'repair', hours: '5' })).status).toBe(422)
  expect((await home.post(path, { reason: 'repair', hours: '4' })).status).toBe(303)
  expect(await html('/resources/site/grafana.example.com')).toContain('<p>ada@example.com suspended it until')
  await home.post('/resources/site/grafana.example.com/resume', {})
  expect(home.engine.asked.at(-1)).toBe('resume site/grafana.example.com')
})

test('an agent shows window and conversation, takes messages and restarts', async () => {
  const page = await html('/agents/supervisor')
  expect(page).toContain('<span class="f6 bold">supervisor</span>')
  expect(page).toContain('what is on port 80?')
  const said = await home.post('/agents/supervisor/say', { text: 'hello\r\nthere' })
  expect([said.status, said.headers.get('location')]).toEqual([303, '/agents/supervisor#say'])
  await home.post('/agents/supervisor/restart', {})
  expect(home.agents.asked).toEqual(['say supervisor by Ada Lovelace: hello\nthere', 'restart supervisor by Ada Lovelace'])
  expect((await home.post('/agents/supervisor/say', { text: '  ' })).status).toBe(422)
  expect((await home.post('/agents/nobody/say', { text: 'x' })).status).toBe(404)
})

test('the windows that are no agents are not offered to talk to', async () => {
  home.engine.put({ kind: 'agent', key: 'monitor', state: 'ready', reason: '', message: '', revision: 'x', since: '' })
  expect(await html('/agents')).not.toContain('monitor')
  expect((await home.get('/agents/monitor')).status).toBe(404)
  const suspended = await home.post('/resources/agent/monitor/suspend', { reason: 'quiet', hours: '1' })
  expect(suspended.headers.get('location')).toBe('/resources/agent/monitor?done=suspended')
})

test('with htmx a message gives an empty box back instead of a page', async () => {
  const answer = await (await home.post('/agents/supervisor/say', { text: 'hello' }, { 'hx-request': 'true' })).text()
  expect(answer).toStartWith('<form id="say"')
})

test('the pieces of an answer show while it comes', async () => {
  const stream = await home.get('/live/agents/supervisor?at=stale')
  const reader = stream.body?.getReader()
  const utterance = {
    id: '9',
    agent: 'supervisor',
    role: 'agent',
    by: 'supervisor',
    text: '',
    state: 'answering',
    at: '',
  } as const
  home.agents.utter(utterance)
  home.agents.delta('supervisor', '9', 'Half of ')
  home.agents.delta('supervisor', '9', 'an answer')
  let text = ''
  while (!text.includes('Half of an answer')) text += new TextDecoder().decode((await reader?.read())?.value)
  await reader?.cancel()
})

test('changes name author, subject and result, and a change its effects and its diff', async () => {
  const list = await html('/changes')
  for (const word of ['Grace Hopper', 'grafana for the team', 'applied', 'applying', 'past']) expect(list).toContain(word)
  const [head] = await home.repository.history(1)
  const page = await html(`/changes/${head?.revision}`)
  expect(page).toContain('<code class="add">+  grafana.example.com')
  expect(page).not.toContain('Go back to this state')
})

test('a commit whose changes are made and that waits for something outside is not called applying', async () => {
  for (const { kind, key } of home.engine.status().resources) {
    home.engine.put({ kind, key, state: 'ready', reason: '', message: '', revision: '', since: '' })
  }
  const upstream = {
    kind: 'site',
    key: 'shop.example.com',
    reason: 'upstream-down',
    message: '',
    revision: '',
    since: '',
  } as const
  home.engine.put({ ...upstream, state: 'waiting' })
  const waiting = await html('/changes')
  expect(waiting).toContain('waiting')
  expect(waiting).not.toContain('applying')
  home.engine.put({ ...upstream, state: 'failed' })
  expect(await html('/changes')).toContain('not reached')
})

test('rolling back shows the plan, then is a new commit with the old content', async () => {
  const [head, , older] = await home.repository.history(3)
  const path = `/changes/${older?.revision}/restore`
  const review = await html(path)
  const digest = home.engine.planned.digest
  expect(review).toContain(digest)
  expect((await home.post(path, { base: 'elsewhere', digest })).status).toBe(409)
  const done = await home.post(path, { base: head?.revision ?? '', digest })
  const now = await home.repository.head()
  expect([done.status, done.headers.get('location')]).toEqual([303, `/changes/${now}`])
  expect((await home.repository.commit(now ?? ''))?.subject).toStartWith('Roll back to ')
  expect(home.engine.asked).toEqual(['moved'])
})

test('what does not exist says so', async () => {
  for (const path of [
    '/resources/site/nothing',
    '/agents/nobody',
    '/changes/ffffffff',
    '/changes/main',
    '/held/x',
    '/domains/no.example/edit',
  ]) {
    const response = await home.get(path)
    expect([path, response.status]).toEqual([path, 404])
    expect(await response.text()).toContain('Back to the overview')
  }
})

test('a page says only what it knows, whatever the address asks it to say', async () => {
  expect(await html('/?done=approved')).toContain('Approved. It is being applied now.')
  expect(await html('/?done=Your+server+is+hacked')).not.toContain('hacked')
  expect(await html('/?done=constructor')).not.toContain('native code')
})

test('the choice of colours is kept in a cookie and leads back to the page', async () => {
  const response = await home.post('/theme', { theme: 'dark', back: '/domains' })
  expect(response.headers.get('location')).toBe('/domains')
  const cookie = response.headers.getSetCookie()[0] ?? ''
  expect(await (await home.get('/', { cookie })).text()).toContain('data-theme="dark"')
  expect((await home.post('/theme', { theme: 'dark', back: '//evil.example' })).headers.get('location')).toBe('/')
})

test('every asset has its hash in its name, is compressed, and is kept for ever', async () => {
  for (const asset of Object.values(assets)) {
    const response = await home.get(`/assets/${asset.name}`, { 'accept-encoding': 'gzip, br' })
    expect(asset.name).toMatch(/-[0-9a-f]{8}\.(css|js|svg)$/)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(response.headers.get('cache-control')).toContain('immutable')
    expect(Bun.gunzipSync(new Uint8Array(await response.arrayBuffer()))).toEqual(asset.body)
  }
  expect((await home.get('/assets/..%2fdeps.ts')).status).toBe(404)
})

test('the overview with 50 resources weighs at most 45 KB with everything it loads', async () => {
  for (let index = 13; index < 50; index++) {
    home.engine.put({
      kind: 'site',
      key: `s${index}.example.com`,
      state: 'ready',
      reason: '',
      message: '',
      revision: 'x',
      since: '',
    })
  }
  const page = Bun.gzipSync(new TextEncoder().encode(await html('/'))).byteLength
  const files = assets.style.gzip.byteLength + assets.script.gzip.byteLength
  expect(page + files).toBeLessThan(45 * 1024)
})
