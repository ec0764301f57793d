import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeService, sitesDependencies, storeAddress } from '../composition/services.ts'
import { initRepository } from '../desired-state/git/init.ts'
import { createRepository } from '../desired-state/git/repository.ts'
import { judgePush } from '../desired-state/push.ts'
import type { Repository } from '../desired-state/repository.ts'
import { type RunningEngine, startEngine } from '../reconcilers/engine/engine.ts'
import { createSitesReconciler } from '../reconcilers/sites/sites.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { readEnvironment } from '../runtime/os/environment.ts'
import { makeHome } from '../runtime/os/home-folders.ts'
import { silentLog } from '../runtime/os/log.ts'
import { type Spawn, spawn } from '../runtime/os/spawn.ts'
import { freePorts } from '../runtime/os/testing/free-ports.ts'
import { createSupervisor } from '../runtime/services/supervisor.ts'
import { migrate, openStore } from '../runtime/store/store.ts'
import { type Figure, median } from './report.ts'
import { staticSites } from './running.ts'

const sizes = [100, 1_000, 5_000] as const
const rounds = 7
const warmUp = 2

/**
 * One changed site among many: judging the commit, its plan, and its convergence on a real nginx, Postgres and Git,
 * without the milliseconds that `nginx -t` and the reload take.
 */
export async function benchGrowth(): Promise<Figure> {
  await using bed = await testBed()
  const own: number[] = []
  for (const size of sizes) {
    await bed.become(staticSites(size))
    const times: number[] = []
    for (let round = 0; round < rounds + warmUp; round++) {
      const host = `site${round}.example.com`
      const yaml = staticSites(size).replace(
        `${host}: { root: site${round} }`,
        `${host}: { root: site${round}, cache_seconds: 60 }`,
      )
      const milliseconds = await bed.become(yaml)
      if (round >= warmUp) times.push(milliseconds)
    }
    own.push(median(times))
  }
  const [small = 0, middle = 0, large = 0] = own
  return {
    name: 'one changed site: growth of our own part from 1,000 to 5,000 sites (1 is linear)',
    unit: '(exponent)',
    value: Math.log(large / middle) / Math.log(5),
    bound: 1,
    better: 'lower',
    detail: {
      ...Object.fromEntries(sizes.map((size, at) => [`${size} sites: ms`, own[at] ?? 0])),
      'µs a further site up to 1,000': ((middle - small) / 900) * 1_000,
      'µs a further site up to 5,000': ((large - middle) / 4_000) * 1_000,
    },
  }
}

/** The engine with its sites reconciler on its own Postgres and nginx, and clocks on what belongs to nginx. */
async function testBed() {
  await using started = new AsyncDisposableStack()
  const root = await mkdtemp(join(tmpdir(), 'ai-'))
  started.defer(() => rm(root, { recursive: true, force: true }))
  await chmod(root, 0o700)
  const [http, https, portal] = freePorts(3)
  const environment = readEnvironment({
    AI_INFRA_HOME: root,
    AI_INFRA_PORTAL_PORT: String(portal),
    AI_INFRA_HTTP_PORT: String(http),
    AI_INFRA_HTTPS_PORT: String(https),
  })
  await makeHome(environment.home)
  const names = ['postgres', 'nginx'] as const
  const services = await Promise.all(names.map(name => describeService(name, environment, 'children', silentLog)))
  const supervisor = createSupervisor({ home: environment.home, services })
  started.defer(() => supervisor.stop())
  await Promise.all([supervisor.start(), initRepository(environment.home)])
  const store = openStore(storeAddress(environment))
  started.defer(() => store.end({ timeout: 2 }))
  await migrate(store)
  const repository = createRepository(environment.home)
  const nginx = nginxClock()
  const engine = await startEngine({
    repository,
    store,
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    command: './main.ts',
    onStep: (_, name) => nginx.step(name),
    reconcilers: [createSitesReconciler({ ...sitesDependencies(environment, silentLog), spawn: nginx.spawn })],
  })
  started.defer(() => engine.stop())
  const all = started.move()
  return {
    /** Commits these domains and converges to them; gives the milliseconds of our own part. */
    async become(yaml: string): Promise<number> {
      const update = await commit(repository, yaml)
      nginx.reset()
      const startedAt = performance.now()
      await judgeAndConverge(repository, engine, update)
      return performance.now() - startedAt - nginx.milliseconds()
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function commit(repository: Repository, yaml: string) {
  const old = await repository.head()
  if (old === undefined) throw new Error('there is no commit to build on')
  const author = { name: 'Ada', email: 'ada@example.com' }
  const result = await repository.edit(old, new Map([['domains.yaml', yaml]]), author, 'A change')
  if (result.outcome !== 'committed') throw new Error(JSON.stringify(result))
  return { ref: 'refs/heads/main', old, new: result.revision }
}

/** What the two hooks of a push make the appliance do. */
async function judgeAndConverge(
  repository: Repository,
  engine: RunningEngine,
  update: { readonly ref: string; readonly old: string; readonly new: string },
): Promise<void> {
  const { main, lines } = await judgePush(repository, [update])
  if (main === undefined) throw new Error(lines.join('\n'))
  await engine.plan(main.state)
  engine.moved()
  const status = await engine.settled(update.new, AbortSignal.timeout(120_000))
  if (!status.converged)
    throw new Error(`not converged: ${JSON.stringify(status.resources.filter(({ state }) => state !== 'ready'))}`)
}

/** Sums what `nginx -t` takes, and the time from the new link to the last answer of new workers. */
function nginxClock() {
  let total = 0
  let switchedAt = 0
  const timedSpawn: Spawn = async (argv, options) => {
    const startedAt = performance.now()
    try {
      return await spawn(argv, options)
    } finally {
      total += performance.now() - startedAt
    }
  }
  return {
    spawn: timedSpawn,
    step(name: string) {
      if (name === 'switched') switchedAt = performance.now()
      if (name === 'reloaded') total += performance.now() - switchedAt
    },
    reset() {
      total = 0
    },
    milliseconds: () => total,
  }
}
