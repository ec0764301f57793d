import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRig, domains, type Rig, redirectSite, staticSite } from './testing/rig.ts'

const problems = (outcomes: readonly { key: string; error?: Error }[]) =>
  outcomes.filter(outcome => outcome.error).map(outcome => `${outcome.key}: ${outcome.error?.message}`)

describe('a real nginx', () => {
  let rig: Rig
  beforeAll(async () => {
    rig = await createRig()
    await rig.startNginx()
  })
  afterAll(() => rig.close())

  test('a new static site is served with a placeholder page, and a second look changes nothing', async () => {
    const wanted = domains(staticSite('blog.example.com', { aliases: ['www.blog.example.com'] }))
    const { first, outcomes, second } = await rig.converge(wanted)
    expect(first.changes.map(change => `${change.operation} ${change.key}: ${change.summary}`)).toEqual([
      'create blog.example.com: serve www/blog',
    ])
    expect(problems(outcomes)).toEqual([])
    expect(second).toEqual({ changes: [], obstacles: [], notes: new Map() })
    for (const host of ['blog.example.com', 'www.blog.example.com']) {
      const response = await rig.get(host)
      expect(response.status).toBe(200)
      expect(await response.text()).toContain(join(rig.home.www, 'blog'))
    }
  })

  test('an unknown name gets 404, an unknown name over TLS gets no handshake, and probes stay inside', async () => {
    expect((await rig.get('stranger.example.com')).status).toBe(404)
    expect(await rig.getTls('stranger.example.com')).toContain('unrecognized name')
    expect((await rig.get('blog.example.com', '/.well-known/ai-infrastructure')).status).toBe(404)
    expect((await rig.get('stranger.example.com', '/.well-known/ai-infrastructure')).status).toBe(404)
  })

  test('a removed site is gone from nginx, and its files are in the archive', async () => {
    await writeFile(join(rig.home.www, 'blog', 'kept.txt'), 'precious')
    const { outcomes, second } = await rig.converge(domains(redirectSite('old.example.com', 'https://new.example.com')))
    expect(problems(outcomes)).toEqual([])
    expect(second.changes).toEqual([])
    expect((await rig.get('blog.example.com')).status).toBe(404)
    const [archived = ''] = await readdir(rig.home.archive)
    expect(archived).toStartWith('blog-')
    expect(await readFile(join(rig.home.archive, archived, 'kept.txt'), 'utf8')).toBe('precious')
    expect(await readdir(rig.home.www)).toEqual([])
  })
})
