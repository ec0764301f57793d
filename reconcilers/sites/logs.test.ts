import { afterEach, expect, test } from 'bun:test'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rotateNginxLogs } from './logs.ts'
import { createRig, domains, type Rig, staticSite, until } from './testing/rig.ts'

let rig: Rig
afterEach(() => rig.close())

test('a log that has grown is put aside, nginx goes on in a new one, and five old ones are kept', async () => {
  rig = await createRig()
  await rig.startNginx()
  await rig.converge(domains(staticSite('blog.example.com')))
  const log = join(rig.home.logs, 'nginx-access.log')
  const { nginx } = rig.dependencies
  expect(await rotateNginxLogs(rig.home, nginx)).toEqual([])
  for (let round = 0; round < 7; round++) {
    await rig.get('blog.example.com', `/round-${round}`)
    expect(await rotateNginxLogs(rig.home, nginx, 0)).toContain(log)
    await until('nginx has opened a new log', async () => (await readdir(rig.home.logs)).includes('nginx-access.log'))
  }
  const names = (await readdir(rig.home.logs)).filter(name => name.startsWith('nginx-access.log')).sort()
  expect(names).toEqual(['', '.1', '.2', '.3', '.4', '.5'].map(suffix => `nginx-access.log${suffix}`))
  await until('nginx has written what it still had', async () => (await readFile(`${log}.1`, 'utf8')).includes('round-6'))
  expect(await readFile(`${log}.1`, 'utf8')).toMatch(/^blog\.example\.com 127\.0\.0\.1 - - \[.*"GET \/round-6 HTTP\/1\.1" 404 /)
})
