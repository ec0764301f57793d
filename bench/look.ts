import { join } from 'node:path'
import { planShape } from '../commands/shapes.ts'
import { nginxProgram } from '../runtime/services/nginx-command.ts'
import { configurationOf, nginxLayout } from '../runtime/services/nginx-layout.ts'
import type { Appliance } from '../tests/support/appliance.ts'
import { cloneOf } from '../tests/support/clone.ts'
import { bareProbes } from './bare-probes.ts'
import { type Figure, median, timed } from './report.ts'
import { runningAppliance, staticSites } from './running.ts'

const sites = 1_000
const rounds = 11
const warmUp = 2

/**
 * Observe and plan of every kind by the running appliance, six agents and 1,000 sites, against a bare `nginx -t` of the
 * configuration that is live and one bare request a site over nginx's probe socket.
 */
export async function benchLook(): Promise<Figure> {
  await using appliance = await runningAppliance()
  const clone = await cloneOf(appliance.home.repository, join(appliance.home.root, 'bench'))
  const { accepted, shown, revision } = await clone.deliver({ 'domains.yaml': staticSites(sites) })
  if (!accepted) throw new Error(shown)
  await appliance.converged(revision)
  const hosts = Array.from({ length: sites }, (_, number) => `site${number}.example.com`)
  const times = { look: [] as number[], test: [] as number[], probes: [] as number[] }
  for (let round = 0; round < rounds + warmUp; round++) {
    const look = await timed(() => lookThatChangesNothing(appliance, revision))
    const test = await timed(() => testOfNginx(appliance))
    const probes = await timed(() => bareProbes(appliance.home.probeSocket, hosts))
    if (round < warmUp) continue
    times.look.push(look)
    times.test.push(test)
    times.probes.push(probes)
  }
  const bare = times.test.map((test, round) => test + (times.probes[round] ?? Number.NaN))
  return {
    name: `a look that changes nothing at ${sites} sites and 6 agents, against \`nginx -t\` and bare probes`,
    unit: '×',
    value: median(times.look) / median(bare),
    bound: 2,
    better: 'lower',
    detail: { 'look ms': median(times.look), 'nginx -t ms': median(times.test), 'probes ms': median(times.probes) },
  }
}

async function lookThatChangesNothing({ home }: Appliance, revision: string): Promise<void> {
  const response = await fetch(`http://appliance/api/plan?revision=${revision}`, { unix: home.apiSocket })
  const plan = planShape.parse(await response.json())
  if (plan.changes.length + plan.unseen.length > 0) throw new Error(`not a look that changes nothing: ${JSON.stringify(plan)}`)
}

/** Without the namespaces that the appliance tests in: the least that nginx takes. */
async function testOfNginx({ home }: Appliance): Promise<void> {
  const configuration = configurationOf(nginxLayout(home).current)
  const child = Bun.spawn([nginxProgram, '-t', '-q', '-p', `${home.nginx}/`, '-e', 'stderr', '-c', configuration], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const [words, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
  if (code !== 0) throw new Error(words)
}
