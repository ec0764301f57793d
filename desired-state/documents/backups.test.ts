import { expect, test } from 'bun:test'
import { mistakesIn, stateOf } from '../testing/tree.ts'

const mistakes = (text: string) => mistakesIn({ 'backups.yaml': text })
const one = (fields: string) => `backups:\n  nightly: { password: "secret:P", ${fields} }\n`
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbXaN0rUa8ZrQ8CkFvI4hAqf7Bq0bQ9nJbQx1xQ2w3e'

test('two lines are a whole backup, with the schedule and the retention of the settings', () => {
  const state = stateOf({
    'backups.yaml': one('repository: /srv/backups//atlas/'),
    'settings.yaml': 'backup_schedule: "30 1 * * *"\nbackup_retention_days: 14\n',
  })
  expect(state.backups.get('nightly')).toMatchObject({
    location: { type: 'folder', repository: '/srv/backups/atlas' },
    password: 'secret:P',
    schedule: '30 1 * * *',
    keep: { days: 14, weeks: 8, months: 12 },
    drill: '0 4 * * 0',
    what: ['postgres', 'desired-state', 'memory', 'sites', 'audit', 'certificates', 'secrets', 'agents', 'other'],
  })
})

test('every kind of repository is told apart', () => {
  const located = (fields: string) => stateOf({ 'backups.yaml': one(fields) }).backups.get('nightly')?.location
  const sftp = { type: 'sftp', user: 'backup', host: 'box.example.com', hostKey: key }
  expect(located(`repository: "sftp:backup@box.example.com:/atlas", host_key: ${key}`)).toMatchObject({ ...sftp, port: 22 })
  expect(located(`repository: "sftp://backup@box.example.com:2222//atlas", host_key: ${key}`)).toMatchObject({
    ...sftp,
    port: 2222,
  })
  expect(located('repository: "rest:https://box.example.com/atlas"')).toMatchObject({ type: 'rest' })
  const keys = 'access_key: "secret:A", secret_key: "secret:S", region: eu-central-1'
  expect(located(`repository: "s3:https://s3.example.com/bucket/atlas", ${keys}`)).toMatchObject({
    type: 's3',
    region: 'eu-central-1',
  })
  expect(located(`repository: "s3:s3.example.com/bucket", ${keys}`)).toMatchObject({ type: 's3' })
})

test('what cannot be a backup is told at its line, with what to write', () => {
  expect(mistakes(one('repository: backups/atlas'))).toEqual([
    'backups.yaml:2:48: repository must be an absolute path, like /srv/backups/atlas, or begin with sftp:, s3: or rest:',
  ])
  expect(mistakes(one('repository: /srv/../etc'))[0]).toContain('repository may not have . or ..')
  expect(mistakes(one('repository: "b2:bucket"'))[0]).toContain('begins with b2:, and may be a folder, sftp:, s3: or rest:')
  expect(mistakes(one('repository: "sftp:backup@box:/atlas"'))[0]).toContain('sftp wants host_key')
  expect(mistakes(one(`repository: "sftp:-oProxyCommand=x@box:/a", host_key: ${key}`))[0]).toContain('write it as sftp:')
  expect(mistakes(one('repository: "rest:https://me:pw@box/atlas"'))[0]).toContain('no user or password in the address')
  const user = 'access_key: "secret:U", secret_key: "secret:P"'
  expect(mistakes(one(`repository: "rest:http://box.example.com/a", ${user}`))[0]).toContain('a password goes over https only')
  expect(mistakes(one(`repository: "rest:http://127.0.0.1.example.com/a", ${user}`))[0]).toContain('over https only')
  expect(mistakes(one(`repository: "rest:http://127.0.0.1:8000/a", ${user}`))).toEqual([])
  expect(mistakes(one('repository: "s3:https://s3.example.com/bucket"'))[0]).toContain('wants access_key and secret_key')
  expect(mistakes(one('repository: /a, access_key: "secret:A", secret_key: "secret:S"'))[0]).toContain(
    'access_key is for s3 and rest',
  )
  expect(mistakes('backups:\n  nightly: { repository: /a, password: hunter2 }\n')[0]).toContain('write the name of a secret')
  expect(mistakes('backups:\n  Nightly: { repository: /a, password: "secret:P" }\n')[0]).toContain('cannot name a backup')
  expect(mistakes(one('repository: /a, what: [postgres, music]'))[0]).toContain('what[1] must be postgres, desired-state')
  expect(mistakes(`${one('repository: /a')}  other: { repository: /a/, password: "secret:P" }\n`)[0]).toContain(
    'nightly has the same repository',
  )
})

test('a schedule is five fields of cron that come true some day', () => {
  for (const wrong of ['every night', '0 2 * *', '61 2 * * *', '* * * * * *', '0 0 30 2 *'])
    expect(mistakes(one(`repository: /a, schedule: "${wrong}"`))[0]).toContain('a schedule has five fields')
  expect(mistakes(one('repository: /a, schedule: "*/5 * * * *", drill: never'))).toEqual([])
  expect(mistakesIn({ 'settings.yaml': 'backup_schedule: nightly\n' })[0]).toContain('a schedule has five fields')
})

test('a Git target is an address without anything secret in it', () => {
  const git = (fields: string) => mistakes(`git:\n  code: { what: code, ${fields} }\n`)
  expect(git('repository: "https://github.com/me/ai-infra-backup.git", token: "secret:GITHUB_PAT"')).toEqual([])
  expect(git('repository: "https://me:ghp_1@github.com/me/b.git"')[0]).toContain('name the token with token: secret:NAME')
  expect(git('repository: "ext::sh -c id"')[0]).toContain('may not have blanks')
  expect(git('repository: "file:///etc"')[0]).toContain('must be an https:// or ssh:// address')
  expect(git('repository: "ssh://git@github.com/me/b.git"')[0]).toContain('ssh wants host_key')
})
