import { expect, test } from 'bun:test'
import { refusalOf } from './refusal.ts'

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
  ['Fatal: create repository at /srv/a failed: mkdir /srv/a: read-only file system', 'not-writable', 'stalled'],
  ['error for tree 1f2e: ciphertext verification failed\nFatal: repository contains errors', 'corrupt', 'stalled'],
  ['backup@box: Permission denied (publickey).\nFatal: unable to start the sftp session, error: EOF', 'no-entry', 'stalled'],
  ['something that nobody has seen yet', 'failed', 'failed'],
] as const)('%s is told apart, with the next step', (printed, reason, kind) => {
  const refusal = refusalOf('backup', printed)
  expect([refusal.reason, refusal.kind]).toEqual([reason, kind])
  expect(refusal.hint).not.toBe('')
})
