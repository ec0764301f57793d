import { rm, statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAppliance } from './appliance.ts'
import { cloneOf } from './clone.ts'
import { visitSteadily } from './steady-visitor.ts'
import { until } from './until.ts'

/** Runs inside a namespace where the home is a small disk of its own, and prints what came of it as JSON. */
const [home = '', clonePath = ''] = process.argv.slice(2)
const free = async () => {
  const { bavail, bsize } = await statfs(home)
  return bavail * bsize
}

await using appliance = await createAppliance({ root: home })
await appliance.start({ entry: join(import.meta.dir, 'up-on-full-disk.ts') })
const clone = await cloneOf(appliance.home.repository, clonePath)
const first = await clone.deliver({ 'domains.yaml': 'domains:\n  a.example.com: { root: a }\n' })
await appliance.converged(first.revision)
const leave = visitSteadily(appliance, 'a.example.com')

await writeFile(join(home, 'armed'), '')
await clone.write({ 'domains.yaml': 'domains:\n  a.example.com: { root: a, cache_seconds: 7 }\n  b.example.com: { root: b }\n' })
const revision = await clone.commit()
const push = await clone.startPush()
await until('the disk is full', async () => (await free()) === 0)
const b = await appliance.visit('b.example.com')
const whileFull = { b: b.status, refused: (await pushWhileFull()).accepted }
await unlink(join(home, 'armed'))
await unlink(join(home, 'filler'))
const { accepted } = await push.done()
const reached = await until('it converges', async () => {
  const status = await appliance.converged(revision).catch(() => undefined)
  return status?.converged ? status : undefined
})
const visitor = await leave()

console.log(
  JSON.stringify({
    accepted,
    whileFull,
    revision: reached.revision === revision,
    sites: await Promise.all(['a', 'b'].map(async name => (await appliance.visit(`${name}.example.com`)).status)),
    agents: reached.resources.filter(({ kind, state }) => kind === 'agent' && state === 'ready').length,
    repository: (await clone.git('--git-dir', appliance.home.repository, 'fsck', '--strict')).code,
    runs: (await appliance.runs('site', 'b.example.com')).map(({ outcome }) => outcome),
    failures: visitor.failures,
  }),
)

/** A disk without room takes no commit, and says so. */
async function pushWhileFull() {
  const other = `${clonePath}-other`
  const second = await cloneOf(appliance.home.repository, other)
  const pushed = await second.deliver({ 'TELOS/mission.md': `${'x'.repeat(20_000)}\n` })
  await rm(other, { recursive: true })
  return pushed
}
