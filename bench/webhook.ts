import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clone, cloneOf } from '../tests/support/clone.ts'
import { until } from '../tests/support/until.ts'
import { type Figure, median } from './report.ts'
import { runningAppliance, staticSites } from './running.ts'

const rounds = 15
const warmUp = 3
const secret = 'the-secret-of-this-measurement'
/** Milliseconds between two looks at an upstream. */
const breath = 1_100

/** From a signed webhook to the first 200 of a new site, against `git push` of one to the appliance itself; both over paths. */
export async function benchWebhook(): Promise<Figure> {
  await using appliance = await runningAppliance({ env: { AI_INFRA_SECRET_WEBHOOK: secret } })
  const folder = join(appliance.home.root, 'bench')
  const here = await cloneOf(appliance.home.repository, join(folder, 'here'))
  // Agents write below the home, so an upstream there would be refused.
  const upstream = `${appliance.home.root}-upstream.git`
  await here.ask('init', '-q', '--bare', '--initial-branch=main', upstream)
  try {
    await here.write({ 'settings.yaml': `upstream: { url: "${upstream}", webhook_secret: "secret:WEBHOOK" }\n` })
    await here.deliver({ 'domains.yaml': staticSites(1) })
    const there = await cloneOf(upstream, join(folder, 'there'))
    const times = { direct: [] as number[], webhook: [] as number[] }
    for (let round = 0; round < rounds + warmUp; round++) {
      const direct = await directly(here, appliance.ports.http, 2 * round + 1)
      await until('the upstream has it', async () => (await tip(here, upstream)) === (await here.ask('rev-parse', 'HEAD')))
      await Bun.sleep(breath)
      const webhook = await byWebhook(there, appliance.ports, 2 * round + 2)
      await appliance.converged()
      await here.ask('pull', '-q', '--ff-only')
      if (round < warmUp) continue
      times.direct.push(direct)
      times.webhook.push(webhook)
    }
    const [direct, webhook] = [median(times.direct), median(times.webhook)]
    return {
      name: 'webhook to the first 200 of a new site, against a direct push',
      unit: '×',
      value: webhook / direct,
      bound: 1.5,
      better: 'lower',
      detail: { 'webhook ms': webhook, 'push ms': direct },
    }
  } finally {
    await rm(upstream, { recursive: true, force: true })
  }
}

const tip = (clone: Clone, repository: string) => clone.ask('--git-dir', repository, 'rev-parse', 'main')

async function directly(clone: Clone, port: number, number: number): Promise<number> {
  await clone.write({ 'domains.yaml': staticSites(number + 1) })
  await clone.commit()
  const startedAt = performance.now()
  const pushed = clone.push()
  await untilServed(port, number, startedAt)
  const milliseconds = performance.now() - startedAt
  const { accepted, shown } = await pushed
  if (!accepted) throw new Error(shown)
  return milliseconds
}

async function byWebhook(
  clone: Clone,
  ports: { readonly portal: number; readonly http: number },
  number: number,
): Promise<number> {
  await clone.ask('pull', '-q', '--ff-only')
  await clone.write({ 'domains.yaml': staticSites(number + 1) })
  await clone.commit()
  await clone.ask('push', '-q', 'origin', 'HEAD:main')
  const body = JSON.stringify({ ref: 'refs/heads/main', commits: [], number })
  const signature = new Bun.CryptoHasher('sha256', secret).update(body).digest('hex')
  const headers = { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-event': 'push' }
  const startedAt = performance.now()
  const answer = await fetch(`http://127.0.0.1:${ports.portal}/hooks/upstream`, { method: 'POST', body, headers })
  if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`)
  await untilServed(ports.http, number, startedAt)
  return performance.now() - startedAt
}

async function untilServed(port: number, number: number, startedAt: number): Promise<void> {
  const host = `site${number}.example.com`
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { host, connection: 'close' } }).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.status === 200) return
    if (performance.now() - startedAt > 20_000) throw new Error(`${host} never answered`)
    await Bun.sleep(1)
  }
}
