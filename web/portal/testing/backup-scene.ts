import type { BackupRunView, BackupView } from '../../api/shapes/backups.ts'
import type { FakeBackups } from './fake-backups.ts'
import type { FakeEngine } from './fakes.ts'

const hours = (count: number) => new Date(Date.now() - count * 3_600_000).toISOString()

const run = (verb: BackupRunView['verb'], ago: number, outcome: BackupRunView['outcome'], message = ''): BackupRunView => ({
  ...{ id: `${verb}-${ago}`, name: 'nightly', verb, askedBy: 'schedule', outcome, step: '', message },
  ...{ askedAt: hours(ago), startedAt: hours(ago), endedAt: outcome === 'running' ? '' : hours(ago - 0.02) },
})

const nightly: BackupView = {
  ...{ name: 'nightly', type: 'restic', schedule: '0 2 * * *', doing: '' },
  ...{ repository: 'sftp:backup@box.example.com:/atlas', what: ['postgres', 'sites'] },
  ...{ next: hours(-9), nextTrial: hours(-90), succeededAt: hours(15), provenAt: hours(63) },
  ...{ bytes: 1_240_000_000, added: 18_400_000, kept: 34 },
  proof: '61 tables with 48210 rows, 4 repositories and 1893 files are as they were',
  runs: [run('run', 15, 'succeeded'), run('run', 39, 'succeeded'), run('verify', 63, 'succeeded', '61 tables are as they were')],
}

/** One that is well, one that is late, and one that pushes. */
export function playBackups(engine: FakeEngine, backups: FakeBackups): void {
  const resource = { kind: 'backup', revision: '', since: hours(15) }
  engine.put({
    ...resource,
    key: 'nightly',
    state: 'ready',
    reason: '',
    message: 'the last backup is of 2026-11-28 02:04 UTC; a restore was proven on 2026-11-26 04:02 UTC',
  })
  const late =
    'there is no space left for the repository: write /mnt/disk/data/3f: no space left on device; the last backup is of 2026-11-24 02:07 UTC'
  engine.put({ ...resource, key: 'disk', state: 'failed', reason: 'late', message: late })
  engine.put({ ...resource, key: 'code', state: 'ready', reason: '', message: 'the last push is of 2026-11-28 02:01 UTC' })
  backups.put(nightly)
  backups.put({
    ...nightly,
    name: 'disk',
    repository: '/var/backups/ai-infra/disk',
    succeededAt: hours(87),
    runs: [run('run', 2, 'failed', late)],
  })
  backups.put({
    ...nightly,
    name: 'code',
    type: 'git',
    repository: 'https://github.com/ada/ai-infra-backup.git',
    provenAt: '',
    proof: '',
  })
}
