import { beforeEach, expect, test } from 'bun:test'
import { playBackups } from '../testing/backup-scene.ts'
import { house } from '../testing/house.ts'

let home: ReturnType<typeof house>
beforeEach(() => {
  home = house()
  playBackups(home.engine, home.backups)
})
const html = async (path: string) => (await home.get(path)).text()

test('each backup says how it stands, when it was made, when a restore was proven, and what is there', async () => {
  const page = await html('/backups')
  for (const words of [
    'nightly',
    '1.2 GiB',
    '34',
    'a restore was proven on',
    'sftp:backup@box.example.com:/atlas',
    'ai-infra-backup.git',
  ]) {
    expect(page).toContain(words)
  }
})

test('a backup that is late is loud, here and on the overview', async () => {
  expect(await html('/backups')).toMatch(/<section id="backup-[^"]*" class="panel wanted s-failed"/)
  const overview = await html('/')
  expect(overview).toContain('there is no space left for the repository')
  expect(overview).toContain('panel wanted s-failed')
})

test('without a backup the page says so, and what to do', async () => {
  home = house()
  expect(await html('/backups')).toContain('Nothing is backed up')
})

test('a person has a backup made and tried out', async () => {
  const made = await home.post('/backups/nightly/run', {})
  expect(made.headers.get('location')).toBe('/backups/nightly?done=backup-asked')
  await home.post('/backups/nightly/verify', {})
  expect(home.backups.asked).toEqual(['run nightly by person ada@example.com', 'verify nightly by person ada@example.com'])
  expect((await home.post('/backups/nothing/run', {})).status).toBe(404)
  expect(home.audited).toEqual(expect.arrayContaining(['backup.run allowed', 'backup.verify allowed', 'backup.run failed']))
})

test('a restore is confirmed on a page of its own, and goes beside the home, whatever a form says', async () => {
  const page = await html('/backups/nightly/restore')
  expect(page).toContain('Nothing that is there is touched')
  expect(page).toContain('1a2b3c4d')
  await home.post('/backups/nightly/restore', { snapshot: '1a2b3c4d', into: '/etc' })
  expect(home.backups.asked).toEqual([
    'restore nightly by person ada@example.com into /var/lib/ai-infra/backups/restored/nightly-1a2b3c4d',
  ])
  expect((await home.post('/backups/nightly/restore', { snapshot: '../x' })).status).toBe(404)
  expect((await home.get('/backups/code/restore')).status).toBe(404)
})
