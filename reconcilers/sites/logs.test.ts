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
  const rotate = async () => {
    expect(await rotateNginxLogs(rig.home, nginx, 0)).toContain(log)
    await until('nginx has opened a new log', async () => (await readdir(rig.home.logs)).includes('nginx-access.log'))
  }
  for (let round = 0; round < 6; round++) {
    await rig.get('blog.example.com', `/round-${round}`)
    await rotate()
  }
  // The master has the new log before its workers do: what they write until then is in the one before.
  await until('the workers write into the new log', async () => {
    await rig.get('blog.example.com', '/round-6')
    return (await readFile(log, 'utf8')).includes('/round-6 ')
  })
  await rotate()
  const names = (await readdir(rig.home.logs)).filter(name => name.startsWith('nginx-access.log')).sort()
  expect(names).toEqual(['', '.1', '.2', '.3', '.4', '.5'].map(suffix => `nginx-access.log${suffix}`))
  expect(await readFile(`${log}.1`, 'utf8')).toMatch(/^blog\.example\.com 127\.0\.0\.1 - - \[.*"GET \/round-6 HTTP\/1\.1" 404 /m)
})
