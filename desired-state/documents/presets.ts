import type { AgentPolicy, Level, Rules } from '../state.ts'

const rules = (allow: readonly string[], deny: readonly string[] = [], ask: readonly string[] = []): Rules => ({
  allow,
  deny,
  ask,
})
const nothing = rules([])

const limits = {
  max_file_size_mb: 50,
  max_execution_time_seconds: 300,
  max_download_size_mb: 100,
  max_memory_mb: 1024,
  max_connections: 100,
  rate_limit_requests_per_minute: 1000,
} as const

const budgets = { task_tokens: 2_000_000, task_usd: 10, task_minutes: 60, day_tokens: 20_000_000, day_usd: 50 } as const

/** Never useful inside the sandbox, and a sign that something is wrong. */
const refused = [
  ...['shutdown', 'reboot', 'init', 'poweroff', 'halt', 'mkfs', 'dd if=', 'chown -R', 'su', 'sudo', 'mount'],
  ...['rm -rf /', 'rm -rf /*', 'chmod -R 777 /', '> /dev/sda', ':(){ :|:& };:'],
]

/** Level 0 of the user's plan: it reads its workspace, and that is all. */
const restricted: AgentPolicy = {
  ...{ read: rules(['workspace']), write: nothing, net: nothing, run: nothing, env: nothing, sql: nothing, verb: nothing },
  ...{ limits, budgets },
}

const standard: AgentPolicy = {
  ...restricted,
  read: rules(['workspace', 'projects', 'www']),
  write: rules(['workspace']),
  net: rules(
    ['github.com:443', 'api.github.com:443', '*.githubusercontent.com:443', 'pypi.org:443', 'files.pythonhosted.org:443'].concat([
      'registry.npmjs.org:443',
    ]),
    ['*:22', '*:23', '*.onion:*'],
  ),
  run: rules(['*'], refused),
  env: rules(['PATH', 'LANG', 'HOME', 'TMPDIR']),
  sql: rules(
    ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE TABLE', 'CREATE INDEX'],
    ['DROP DATABASE', 'TRUNCATE', 'DELETE without WHERE', 'UPDATE without WHERE'],
    ['DROP TABLE', 'ALTER TABLE'],
  ),
  verb: rules(['task.*', 'message.*', 'project.*', 'status.*', 'database.query'], [], ['database.change']),
}

/** What becomes visible to others, or cannot be had again. */
const changes = ['database.change', 'domain.*', 'deploy.*', 'dns.*', 'service.restart', 'service.stop', 'certificate.renew']

const elevated: AgentPolicy = {
  ...standard,
  read: rules(['workspace', 'projects', 'www', 'logs']),
  net: rules(['*:443'], ['*:22', '*:23', '*.onion:*']),
  verb: rules([...standard.verb.allow, 'logs.*', 'service.status', 'certificate.status'], [], changes),
}

/** Reaches the same system through the same verbs; everything that destroys asks a person. */
const privileged: AgentPolicy = {
  ...elevated,
  verb: rules([...elevated.verb.allow, 'escalation.*'], [], [...elevated.verb.ask, 'service.restart', 'backup.*']),
}

/** What an agent of a level may do where the documents say nothing else. */
export const presets: Readonly<Record<Level, AgentPolicy>> = { 0: restricted, 1: standard, 2: elevated, 3: privileged }
