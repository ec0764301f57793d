import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { homeAt } from '../../runtime/os/home.ts'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { createDeployments } from './deployments.ts'

test('after the clock was set back a repository is asked for its head as before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deployments-'))
  try {
    const repo = join(folder, 'site')
    const git = (...words: string[]) =>
      spawnChecked(spawn, ['git', '-C', repo, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...words])
    await spawnChecked(spawn, ['git', 'init', '--quiet', '--initial-branch=main', repo])
    const commit = async (message: string) => {
      await git('commit', '--quiet', '--allow-empty', '-m', message)
      return (await git('rev-parse', 'HEAD')).slice(0, 12)
    }
    let now = Date.parse('2031-01-01T00:00:00Z')
    const home = homeAt(join(folder, 'home'))
    const deployments = createDeployments({ home, spawn, clock: { ...systemClock, now: () => new Date(now) } })
    const head = async () =>
      (await deployments.look('shop', { repo, branch: 'main', directory: '.' }, AbortSignal.timeout(30_000))).head
    const first = await commit('first')
    expect(await head()).toBe(first)
    const second = await commit('second')
    expect(await head()).toBe(first)
    now = Date.parse('2026-11-29T00:00:00Z')
    expect(await head()).toBe(second)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
