/** @jsxImportSource hono/jsx */
import { beforeAll, expect, test } from 'bun:test'
import type { Identity } from '../door/route.ts'
import { DomainsPage } from './domains/list.tsx'
import { render } from './reply.ts'
import { firstOf } from './testing/fake-agents.ts'
import { approval } from './testing/fake-approvals.ts'
import { health } from './testing/fake-health.ts'
import { task } from './testing/fake-tasks.ts'
import { fakeSessions, house, place } from './testing/house.ts'
import { dangersIn } from './testing/markup.ts'

const payloads = [
  '"><script>alert(1)</script><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)' autofocus x='",
  '</title></style></textarea></pre><svg onload=alert(1)>',
  'javascript:alert(1)',
  '<hx-partial hx-target="body"><b hx-get="/x" hx-trigger="load">',
  '\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007\u001b[31m<script>alert(1)</script>\u001b[0m',
  '&lt;script&gt;{{constructor}}<!--',
  '\u202egnp.exe\u2066<base href=//evil.example>',
]
const evil = payloads.join(' ')
const revision = 'a'.repeat(40)
const since = '2026-11-22T12:00:00Z'
const eve: Identity = { kind: 'person', id: evil, name: evil, email: evil, sessionToken: 'token' }

const home = house({ sessions: fakeSessions(eve), place: { ...place, hostname: evil, cloneCommand: evil, command: evil } })

beforeAll(() => {
  const { engine, agents, repository, tasks, approvals, audit } = home
  for (const name of ['old', 'new']) {
    const author = { name: evil, email: evil }
    const text = `domains:\n  a.example.com: { redirect: "https://b.example.com/${name}" }\n# ${evil.replaceAll('\u001b', '').replaceAll('\u0007', '')}\n`
    const id = name === 'new' ? revision : 'b'.repeat(40)
    repository.add(
      { revision: id, subject: evil, body: evil, author, date: since },
      { 'domains.yaml': text },
      `+${evil}\n-${evil}\n@@ ${evil}`,
    )
  }
  engine.set({ revision, desired: revision, converged: true })
  const broken = { state: 'failed', reason: evil, message: evil, revision, since } as const
  engine.put({ ...broken, kind: 'site', key: evil })
  engine.put({ ...broken, kind: 'site', key: 'a.example.com' })
  engine.put({ ...broken, kind: 'agent', key: evil })
  const fields = [{ name: evil, before: evil, after: evil }]
  home.vault.uses.set('EVIL', [evil])
  home.vault.uses.set(evil, [evil])
  home.vault.problems.push({ source: 'aws', message: evil })
  home.vault.entries.set('EVIL', { name: 'EVIL', source: 'home', changedAt: evil, hidden: ['aws'] })
  engine.hold({
    id: 'held',
    digest: evil,
    revision,
    reason: evil,
    kinds: [
      { kind: evil, reason: evil, changes: [{ key: evil, operation: 'delete', fields }] },
      { kind: evil, reason: '', follows: evil, changes: [{ key: evil, operation: 'update', fields }] },
    ],
    since,
  })
  engine.planned = {
    revision,
    digest: evil,
    changes: [{ kind: evil, key: evil, operation: 'update', summary: evil, fields }],
    holds: [...engine.holds()],
    unseen: [{ kind: evil, message: evil }],
    leftAlone: [{ kind: evil, key: evil, until: evil }],
    waits: [{ kind: evil, for: evil }],
  }
  const change = { kind: 'site', key: evil, operation: 'create', summary: evil, fields: [] } as const
  engine.emit({ type: 'change', revision, change, phase: 'failed', milliseconds: 1, message: evil })
  const run = {
    id: '1',
    revision,
    trigger: 'commit',
    operation: 'update',
    summary: evil,
    startedAt: since,
    milliseconds: 1,
    message: evil,
  } as const
  engine.addRun({ ...run, kind: 'site', key: evil, outcome: 'failed' })
  engine.addRun({ ...run, kind: 'site', key: 'a.example.com', outcome: 'failed' })
  void engine.suspend({ kind: 'agent', key: evil, reason: evil, owner: evil, until: since })
  agents.present({ name: evil, activity: 'answering', doing: evil, pid: 1, heartbeatAt: since, startedAt: since })
  agents.show(evil, evil)
  agents.utter({ id: '0', agent: 'supervisor', thread: 't', role: 'person', by: evil, text: evil, state: 'done', at: since })
  agents.utter({
    id: '00',
    agent: 'supervisor',
    thread: 't',
    role: 'agent',
    by: evil,
    text: evil,
    state: 'answering',
    at: since,
    answers: '0',
  })
  agents.step('supervisor', { work: '0', call: evil, tool: evil, title: evil, summary: evil, output: evil, state: 'failed' })
  tasks.put(task({ id: 't-evil', name: evil, description: evil, agent: evil, by: evil, criteria: [evil], reason: evil }))
  tasks.put(
    task({
      id: 't-more',
      name: evil,
      dependsOn: ['t-evil'],
      state: 'failed',
      error: evil,
      result: evil,
      thread: firstOf('supervisor'),
    }),
  )
  approvals.ask(
    approval({
      id: 'a-evil',
      agent: evil,
      title: evil,
      reason: evil,
      shown: [{ name: evil, text: evil }],
      digest: evil,
      rule: evil,
      thread: firstOf('supervisor'),
    }),
  )
  approvals.ask(approval({ id: 'a-more', title: evil, state: 'denied', decidedBy: evil, note: evil }))
  home.health.put(health(evil, { status: 'unhealthy', reason: evil, waitingFor: evil, currentTask: 't-evil', doing: evil }))
  const raised = {
    id: evil,
    at: since,
    severity: 'critical',
    kind: evil,
    seenBy: undefined,
    seenAt: undefined,
    resolvedAt: undefined,
  } as const
  home.alerts.put({ ...raised, subject: `agent/${evil}`, message: evil })
  audit.write({ agent: evil, user: evil, action: evil, target: evil, details: { [evil]: evil }, session: evil, address: evil })
  agents.utter({ id: '1', agent: evil, thread: 't', role: 'agent', by: evil, text: evil, state: 'failed', at: since })
})

const name = encodeURIComponent(evil)
const pages = [
  '/',
  `/resources/site/${name}`,
  `/resources/agent/${name}`,
  '/chat/new',
  `/chat/new?text=${name}`,
  `/chat/${firstOf('supervisor')}`,
  '/tasks',
  '/tasks/t-evil',
  '/approvals',
  '/approvals/a-evil',
  '/approvals/a-evil/always',
  '/audit',
  `/audit?text=${name}&from=${name}`,
  '/agents',
  `/agents/${name}`,
  '/domains',
  '/secrets',
  '/secrets/EVIL',
  '/domains/new',
  '/domains/a.example.com/edit',
  '/changes',
  `/changes/${revision}`,
  `/changes/${'b'.repeat(40)}/restore`,
  '/held/held',
  '/account',
  '/nowhere',
  `/resources/${name}/${name}`,
]

test('the look for dangers sees each of them', async () => {
  for (const payload of [
    '<script>x</script>',
    '<img src=x>',
    '<p onclick=x>',
    '<a href="javascript:x">',
    '<b hx-get="/x">',
    '<p style="x">',
  ]) {
    expect(await dangersIn(payload)).not.toEqual([])
  }
})

test.each(pages.map(path => [path.replaceAll(name, 'EVIL'), path]))('hostile data is inert on %s', async (_, path) => {
  const response = await home.get(path)
  const html = await response.text()
  expect(html).toContain('&lt;script&gt;alert(1)')
  expect(await dangersIn(html)).toEqual([])
})

test('hostile data is inert in every form that comes back', async () => {
  const fields = { host: evil, kind: 'redirect', redirect: evil, aliases: evil, tls: evil, status: evil }
  for (const [path, body] of [
    ['/domains/review', fields],
    ['/domains/review', { ...fields, host: 'a.example.com', existing: 'yes' }],
    ['/domains/review', { kind: 'redirect', redirect: 'https://c.example.com', host: 'c.example.com' }],
    ['/domains/a.example.com/remove', {}],
    ['/chat/begin', { text: evil.repeat(200) }],
    [`/chat/${firstOf('supervisor')}/say`, { text: evil.repeat(200) }],
    ['/account', { current: evil, next: evil }],
  ] as const) {
    const html = await (await home.post(path, body)).text()
    expect(html).toContain('&lt;script&gt;alert(1)')
    expect(await dangersIn(html)).toEqual([])
  }
})

test('hostile data is inert on the pages of somebody who is not signed in', async () => {
  const anonymous = house({
    sessions: fakeSessions({ kind: 'anonymous' }),
    firstAdmin: { code: async () => '', open: async () => true, redeem: async () => ({ outcome: 'wrong', triesLeft: 1 }) },
  })
  for (const html of [
    await (await anonymous.get(`/first-admin?code=${name}`)).text(),
    await (await anonymous.post('/first-admin', { code: evil, name: evil, email: evil, password: evil })).text(),
    await (await anonymous.post('/sign-in', { email: evil, password: evil, next: evil })).text(),
  ]) {
    expect(html).toContain('&lt;script&gt;alert(1)')
    expect(await dangersIn(html)).toEqual([])
  }
})

test('a domain that no parser would let through would still be inert', async () => {
  const domain = { kind: 'redirect', host: evil, aliases: [evil], tls: 'none', to: evil, keepsPath: true, status: 301 } as const
  const frame = { hostname: 'atlas', person: 'Ada', theme: 'auto', path: '/', agents: [], pending: 0 } as const
  const status = {
    kind: 'certificate',
    key: evil,
    state: 'failed',
    reason: evil,
    message: evil,
    revision: evil,
    since: evil,
  } as const
  const served = { issuer: evil, self_signed: false, ends: evil, days_left: 3 }
  const standing = {
    ...{ domain, site: undefined, visits: { requests: 1, bytes: 1, errors: 1 } },
    ...{ certificate: { status, served }, dns: { zone: evil, worst: { ...status, state: 'ready' as const } } },
  } as const
  const secured = {
    ...standing,
    domain: { ...domain, tls: 'acme' },
    certificate: { status: { ...status, state: 'ready' }, served },
  } as const
  const view = { frame, domains: [standing, secured], counted: new Date(0), place, mistakes: [evil], notice: undefined }
  expect(await dangersIn(render(<DomainsPage view={view} />))).toEqual([])
})

test('what a stream sends is as inert as the page', async () => {
  const page = await home.get(`/live/agents/${name}?at=stale`)
  const reader = page.body?.getReader()
  let text = ''
  while (!text.includes('hx-target="#screen"')) text += new TextDecoder().decode((await reader?.read())?.value)
  await reader?.cancel()
  const html = text.replace(/^data: /gm, '')
  const dangers = await dangersIn(html)
  expect(dangers.filter(each => !each.startsWith('hx-partial hx-target'))).toEqual([])
  expect(html).toContain('&lt;script&gt;alert(1)')
})

test('every page forbids inline scripts and styles, frames and other origins', async () => {
  const policy = (await home.get('/')).headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
})
