import { expect, test } from 'bun:test'
import { refusalOf, triesInVain } from './refusal.ts'

test.each([
  ['Fatal: wrong password or no key found', 'wrong-password', 'stalled'],
  [
    'unable to create lock in backend: repository is already locked exclusively by PID 7 on box by root (UID 0, GID 0)',
    'locked',
    'failed',
  ],
  ['Save(<data/1f>) returned error, retrying after 1s: write /mnt/data/1f-tmp-1: no space left on device', 'full', 'failed'],
  ['server response unexpected: 507 Insufficient Storage (507)', 'full', 'failed'],
  [
    'Fatal: unable to open config file: Stat: dial tcp 10.0.0.1:443: connect: connection refused\nIs there a repository at',
    'unreachable',
    'failed',
  ],
  [
    'Fatal: unable to open config file: stat /mnt/atlas/config: no such file or directory\nIs there a repository at',
    'gone',
    'failed',
  ],
  [
    'Fatal: unable to open config file: stat /mnt/atlas/config: input/output error\nIs there a repository at',
    'unreachable',
    'failed',
  ],
  ['Fatal: create repository at /srv/a failed: mkdir /srv/a: read-only file system', 'not-writable', 'stalled'],
  ['error for tree 1f2e: ciphertext verification failed\nFatal: repository contains errors', 'corrupt', 'stalled'],
  ['backup@box: Permission denied (publickey).\nFatal: unable to start the sftp session, error: EOF', 'no-entry', 'stalled'],
  ['Fatal: unable to open config file: Stat: 503 Service Unavailable\nIs there a repository at', 'unreachable', 'failed'],
  ['Fatal: unable to open config file: Stat: Access Denied.\nIs there a repository at', 'no-entry', 'stalled'],
  ['Fatal: create repository at s3:http://a/b/c failed: client.MakeBucket: Access Denied', 'gone', 'stalled'],
  [
    'Save(<lock/5e>) returned error, retrying after 552ms: client.PutObject: The quota of this bucket is exceeded.',
    'full',
    'failed',
  ],
  ['server response unexpected: XMinioAdminBucketQuotaExceeded', 'full', 'failed'],
  ['Fatal: Post https://quota.example.com/: dial tcp 10.0.0.1:443: i/o timeout', 'unreachable', 'failed'],
  ['something that nobody has seen yet', 'failed', 'failed'],
] as const)('%s is told apart, with the next step', (printed, reason, kind) => {
  const refusal = refusalOf('backup', printed)
  expect([refusal.reason, refusal.kind]).toEqual([reason, kind])
  expect(refusal.hint).not.toBe('')
})

test('restic need not try for a minute what cannot become better, and goes on trying what can', () => {
  const retrying = (words: string) => `Save(<data/1f>) returned error, retrying after 552.330144ms: ${words}\n`
  expect(triesInVain(retrying('client.PutObject: The quota of this bucket is exceeded.'))).toBe(true)
  const refused = retrying('client.PutObject: Access Denied.')
  // One server of many may not know the keys yet.
  expect([triesInVain(refused), triesInVain(`${refused}${refused}`)]).toEqual([false, true])
  expect(triesInVain(`${refused}${refused.replace('data/1f', 'data/2e')}`)).toBe(false)
  // A place that only takes in: the backup is made, and its lock stays.
  expect(triesInVain(`${refused}${refused}`.replaceAll('Save(<data', 'Remove(<lock'))).toBe(false)
  expect(triesInVain(retrying('Put https://quota.example.com/quota/1f: EOF').repeat(2))).toBe(false)
  expect(triesInVain(retrying('write /mnt/data/1f-tmp-1: no space left on device'))).toBe(true)
  expect(triesInVain(retrying('dial tcp 10.0.0.1:443: connect: connection refused'))).toBe(false)
  expect(triesInVain(retrying('server response unexpected: 503 Service Unavailable (503)'))).toBe(false)
  expect(triesInVain('error: open /home/www/closed: permission denied\n')).toBe(false)
})

test('a full disk of the appliance is told apart from that of the repository', () => {
  const printed = 'Fatal: unable to save snapshot: write /home/backups/tmp/restic-temp-pack-1: no space left on device'
  expect(refusalOf('backup', printed, ['/home/backups/tmp']).message).toContain('no space left on the disk of the appliance')
  expect(refusalOf('backup', printed, ['/elsewhere']).message).toContain('no space left for the repository')
})
