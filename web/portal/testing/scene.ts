import type { ResourceState, ResourceStatus } from '../../../reconcilers/engine/status.ts'
import type { Source } from '../../../runtime/secrets/store.ts'
import type { FakeAgents } from './fake-agents.ts'
import type { FakeUpstream } from './fake-upstream.ts'
import type { FakeEngine, FakeRepository } from './fakes.ts'
import type { house } from './house.ts'

export const sceneYaml = `# yaml-language-server: $schema=./schemas/domains.json
domains:
  blog.example.com: { root: blog, aliases: [www.blog.example.com], tls: acme }
  docs.example.com: { root: docs, tls: acme }
  app.example.com: { proxy: "http://127.0.0.1:9000", websocket: true, tls: acme }
  grafana.example.com: { proxy: "http://127.0.0.1:3100", websocket: true, tls: acme }
  old.example.com: { redirect: "https://blog.example.com", status: 308 }
  status.example.com: { root: status, tls: acme }
  portal.example.com: { portal: true, tls: acme }
`

const sceneDns = `providers:
  home: { type: rfc2136, server: ns1.example.com, key: ai-infra, secret: "secret:DNS_KEY" }
zones:
  example.com: { provider: home }
`

const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

const resource = (
  kind: string,
  key: string,
  revision: string,
  minutes: number,
  state: ResourceState = 'ready',
  reason = '',
  message = '',
): ResourceStatus => ({ kind, key, state, reason, message, revision, since: at(minutes) })

const sha = (text: string) => Bun.SHA1.hash(text, 'hex')

const screen = [
  '\u001b[1;36msupervisor\u001b[0m  level 3 · claude-sonnet-4-5 · idle',
  '\u001b[2m────────────────────────────────────────────────────────────\u001b[0m',
  '\u001b[33mada\u001b[0m  what is on port 80?',
  '',
  '\u001b[32m●\u001b[0m nginx, generation 41. Seven sites, all answering. The last change',
  '  was \u001b[1mdocs.example.com\u001b[0m, four minutes ago.',
  '',
  '\u001b[31m!\u001b[0m grafana.example.com answers \u001b[31m502\u001b[0m: nothing listens on 127.0.0.1:3100.',
  '',
  '\u001b[7m supervisor \u001b[0m> ',
].join('\n')

/** A server in the middle of its life: mostly well, one site waiting, one suspended, agents at work. */
export function playScene(engine: FakeEngine, agents: FakeAgents, repository: FakeRepository): void {
  const [first, second, third, head] = [sha('1'), sha('2'), sha('3'), sha('4')]
  const subjects: [string, string, string][] = [
    [first, 'starter repository', 'appliance'],
    [second, 'blog and docs', 'Ada Lovelace'],
    [third, 'app behind a proxy, old name redirects', 'Grace Hopper'],
    [head, 'grafana for the team', 'Ada Lovelace'],
  ]
  subjects.forEach(([revision, subject, name], index) => {
    const diff = `diff --git a/domains.yaml b/domains.yaml\n--- a/domains.yaml\n+++ b/domains.yaml\n@@ -4,3 +4,4 @@ domains:\n   docs.example.com: { root: docs, tls: acme }\n   app.example.com: { proxy: "http://127.0.0.1:9000", websocket: true, tls: acme }\n+  grafana.example.com: { proxy: "http://127.0.0.1:3100", websocket: true, tls: acme }\n   old.example.com: { redirect: "https://blog.example.com", status: 308 }\n`
    const summary = { revision, subject, author: { name, email: 'ada@example.com' }, date: at(60 * 26 - index * 500) }
    repository.add(summary, { 'domains.yaml': sceneYaml, 'dns.yaml': sceneDns }, diff)
  })
  engine.set({ revision: third, desired: head, converged: false })
  for (const name of ['supervisor', 'code', 'data', 'infra', 'research', 'qa']) engine.put(resource('agent', name, head, 190))
  engine.put(resource('agent', 'research', head, 31, 'suspended', 'suspended', 'saving tokens until the report is due'))
  for (const host of ['blog.example.com', 'docs.example.com', 'app.example.com', 'old.example.com', 'portal.example.com']) {
    engine.put(resource('site', host, head, 64))
  }
  const waits = 'nothing listens on 127.0.0.1:3100: start the program, or change the port in domains.yaml'
  engine.put(resource('site', 'grafana.example.com', head, 4, 'waiting', 'upstream-refused', waits))
  engine.put(resource('site', 'status.example.com', head, 0, 'reconciling', 'applying', 'serve www/status'))
  const doings = { supervisor: 'answering Ada: "what is on port 80?"', code: '', data: '', infra: '', research: '', qa: '' }
  Object.entries(doings).forEach(([name, doing], index) => {
    const activity = name === 'research' ? 'offline' : doing === '' ? 'idle' : 'answering'
    agents.present({ name, activity, doing, pid: 4_200 + index, heartbeatAt: at(0), startedAt: at(190) })
    agents.show(name, screen)
  })
  const talk = { agent: 'supervisor', thread: 'first of supervisor', state: 'done' as const }
  agents.utter({ ...talk, id: '1', role: 'person', by: 'Ada', text: 'what is on port 80?', at: at(6) })
  const answer =
    'nginx, generation 41. Seven sites, all answering but one:\n\ngrafana.example.com gives 502, because nothing listens on 127.0.0.1:3100.'
  agents.utter({ ...talk, id: '2', role: 'agent', by: 'supervisor', text: answer, at: at(6) })
  const change = (key: string, summary: string) => ({ kind: 'site', key, operation: 'create' as const, summary, fields: [] })
  const verified = { type: 'change' as const, revision: head, phase: 'verified' as const, milliseconds: 84, message: '' }
  engine.emit({ ...verified, change: change('old.example.com', 'redirect to https://blog.example.com') })
  engine.emit({ ...verified, change: change('docs.example.com', 'serve www/docs') })
  engine.emit({ ...verified, change: change('blog.example.com', 'put back a file that was edited by hand') })
  for (let index = 0; index < 9; index++) {
    engine.addRun({
      id: `${index}`,
      kind: 'site',
      key: 'grafana.example.com',
      revision: index > 6 ? third : head,
      trigger: index > 6 ? 'commit' : 'retry',
      operation: 'update',
      summary: 'proxy to http://127.0.0.1:3100',
      startedAt: at(4 + index * 9),
      milliseconds: 40 + index * 13,
      outcome: index > 6 ? 'verified' : 'failed',
      message: index > 6 ? '' : 'nothing listens on 127.0.0.1:3100',
    })
  }
}

export function holdInScene(engine: FakeEngine): void {
  const digest = sha('hold') + sha('hold2').slice(0, 24)
  const removed = ['app', 'docs', 'grafana', 'status'].map(name => ({
    key: `${name}.example.com`,
    operation: 'delete' as const,
    fields: [{ name: 'root', before: name, after: '' }],
  }))
  engine.hold({
    id: digest.slice(0, 12),
    digest,
    revision: sha('4'),
    reason: 'removes 4 of 7 sites',
    kinds: [
      { kind: 'site', reason: 'removes 4 of 7 sites', changes: removed },
      { kind: 'certificate', reason: '', follows: 'site', changes: removed.slice(0, 3) },
    ],
    since: at(2),
  })
}

/** What makes the sites of the scene reachable: records and certificates, one of each in trouble, and a day of visitors. */
export function playOutside({ engine, served, visits, vault }: ReturnType<typeof house>): void {
  const head = sha('4')
  const certified = ['blog', 'docs', 'app', 'status', 'portal'].map(name => `${name}.example.com`)
  for (const [index, host] of certified.entries()) {
    engine.put(resource('certificate', host, head, 600))
    const days = 88 - index * 11
    const ends = new Date(Date.now() + days * 86_400_000).toISOString()
    served.set(host, { issuer: "C=US, O=Let's Encrypt, CN=E7", self_signed: false, ends, days_left: days })
    engine.put(resource('site-record', `${host}/A`, head, 600))
  }
  const refused = 'acme-v02.api.letsencrypt.org gave no certificate: no valid A records found for grafana.example.com'
  engine.put(resource('certificate', 'grafana.example.com', head, 4, 'waiting', 'certificate-refused', refused))
  const foreign = 'grafana.example.com A is there already with other values: 203.0.113.9'
  engine.put(resource('site-record', 'grafana.example.com/A', head, 4, 'stalled', 'foreign', foreign))
  const counts = { 'blog.example.com': 48_213, 'www.blog.example.com': 312, 'docs.example.com': 1_904, 'app.example.com': 907 }
  for (const [host, requests] of Object.entries(counts)) visits.set(host, { requests, bytes: requests * 18_000, errors: 0 })
  visits.set('grafana.example.com', { requests: 41, bytes: 22_000, errors: 41 })
  const keep = (name: string, source: Source, minutes: number | undefined, hidden: readonly Source[] = []) =>
    vault.entries.set(name, { name, source, changedAt: minutes === undefined ? undefined : at(minutes), hidden })
  keep('BACKUP_PASSWORD', 'home', 60 * 24 * 41)
  keep('CLOUDFLARE_TOKEN', 'home', 190, ['repository'])
  keep('GITHUB_PAT', 'repository', undefined)
  keep('OLD_TOKEN', 'environment', undefined)
  keep('POSTGRES', 'aws', 60 * 30)
  vault.uses.set('DNS_KEY', ['dns.yaml example.com'])
  vault.uses.set('BACKUP_PASSWORD', ['backups.yaml home', 'backups.yaml attic'])
  vault.uses.set('CLOUDFLARE_TOKEN', ['dns.yaml example.net'])
  vault.uses.set('GITHUB_PAT', ['backups.yaml github'])
  vault.uses.set('POSTGRES', ['databases.yaml shop'])
}

export function divergeInScene(upstream: FakeUpstream): void {
  const [main, head] = [sha('4'), sha('there')]
  const state = 'stalled' as const
  const message = `each side has commits that the other has not; here main is ${main.slice(0, 8)}, there it is ${head.slice(0, 8)}; neither side is changed until somebody chooses`
  upstream.now = {
    ...{ url: 'github.com/ada/server', branch: 'main', main, head, seenAt: at(1), signingKey: '' },
    problem: { reason: 'diverged', state, message, lines: [], head, main },
    choices: [
      {
        command: `ai-infra upstream adopt ${head.slice(0, 8)}`,
        effect: 'takes what is declared there, after the checks of any push; what is here is kept under refs/archive',
      },
      {
        command: `ai-infra upstream push ${main.slice(0, 8)}`,
        effect: 'keeps what is declared here: one new commit with both histories, which goes there without force',
      },
    ],
  }
}

export function refuseInScene(upstream: FakeUpstream): void {
  const [main, head] = [sha('4'), sha('there')]
  const lines = [
    `main at ${head.slice(0, 8)} has 2 mistakes:`,
    'domains.yaml:4:23: unknown key "rooot"; did you mean "root"?',
    'settings.yaml:2:6: tls must be none, self-signed or acme, and is "maybe"',
    'Refused: nothing on the server has changed.',
  ]
  const message = `${head.slice(0, 8)} is refused, and ${main.slice(0, 8)} stays in force: ${lines[1]}; a good commit on top of it goes on`
  upstream.now = {
    ...{ url: 'github.com/ada/server', branch: 'main', main, head, seenAt: at(1), signingKey: '', choices: [] },
    problem: { reason: 'invalid', state: 'stalled', message, lines, head, main },
  }
}
