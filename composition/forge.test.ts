import { expect, test } from 'bun:test'
import { stateOf } from '../desired-state/testing/tree.ts'
import { declaredLines, publicPlanLines } from './forge.ts'

const dns = (server: string, secret: string, zone = 'example.com') => `providers:
  home: { type: rfc2136, server: ${server}, key: k, secret: "secret:${secret}" }
zones:
  ${zone}: { provider: home, records: { www: { A: 203.0.113.10 } } }
`
const backups = (repository: string) => `backups:
  off: { repository: "${repository}", password: "secret:RESTIC", access_key: "secret:USER", secret_key: "secret:PASSWORD" }
`

test('what a proposal declares is said whole: zones and their servers, backups, databases, rules, recipients of secrets', () => {
  const agents = { 'agents.yaml': 'agents:\n  code: { level: 1, prompt: agents/code.md }\n', 'agents/code.md': 'Write programs.' }
  const before = stateOf({ ...agents, 'dns.yaml': dns('ns1.example.com', 'DNS_KEY') })
  const after = stateOf({
    ...agents,
    'dns.yaml': dns('eve.example.net', 'DNS_KEY').replace('www:', 'ftp:'),
    'backups.yaml': backups('rest:https://eve.example.net/a'),
    'network.yaml': 'network:\n  code: { allow: ["*:443"] }\n',
    'secrets.age.yaml': 'recipients: { eve: age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq }\n',
  })
  expect(declaredLines(before, after).slice(1)).toEqual([
    '  ~ agent code',
    '  ~ dns-record example.com',
    '  + dns-record ftp.example.com/A',
    '  - dns-record www.example.com/A',
    '  + backup off',
    '  + secret recipient eve',
  ])
  expect(declaredLines(before, before)).toEqual([' declares the same'])
})

test('the comment on a pull request names no secret and no host of what it did not look at, and says that it did not', () => {
  const message = 'the secret DB belongs to db.internal:5432 (database), and is not sent to eve.example.net:5432 (database)'
  const unseen = [
    { kind: 'dns-record', key: 'example.org', message },
    { kind: 'backup', message },
  ]
  const plan = { revision: '0123456789', digest: '', changes: [], holds: [], unseen, leftAlone: [], waits: [] }
  expect(publicPlanLines(plan)).toEqual([
    'plan for 01234567:',
    '  ? dns-record example.org: not looked at before it is merged',
    '  ? backup: cannot be looked at just now: the command line of the server says why',
  ])
})
