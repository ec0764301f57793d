import { statfs } from 'node:fs/promises'
import { availableParallelism, freemem, loadavg, totalmem, uptime } from 'node:os'
import { z } from 'zod'
import type { Repository } from '../../../desired-state/repository.ts'
import type { Engine } from '../../../reconcilers/engine/status.ts'
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import type { Home } from '../../../runtime/os/home.ts'
import type { Spawn } from '../../../runtime/os/spawn.ts'
import type { ServiceStatus } from '../../../runtime/services/service.ts'
import { hostName } from '../../api/domain-input.ts'
import { certificatesOf } from './certificates.ts'
import { type Verb, verb } from './verb.ts'

export interface StatusVerbDeps {
  readonly home: Home
  readonly engine: Engine
  readonly repository: Repository
  readonly services: () => readonly ServiceStatus[]
  readonly spawn: Spawn
  readonly now: () => Date
}

/** How the server stands; nothing here changes anything. */
export const statusVerbs = (deps: StatusVerbDeps): readonly Verb[] => [
  verb('status.read', {
    input: z.strictObject({}),
    title: () => 'look how the server stands',
    run: () => serverStatus(deps),
  }),

  verb('status.search', {
    input: z.strictObject({}),
    title: () => 'look where searches go',
    run: async () => ({ provider: await searchProvider(deps) }),
  }),

  verb('service.status', {
    input: z.strictObject({ service: z.string().max(60).optional() }),
    title: ({ service }) => `look at ${service ?? 'the services'}`,
    async run({ service }) {
      const all = deps.services()
      if (service === undefined) return { services: all }
      const found = all.find(one => one.name === service)
      if (found === undefined)
        throw new ApplianceError('invalid', `there is no service ${service} here`, { hint: all.map(one => one.name).join(', ') })
      return { services: [found] }
    },
  }),

  verb('status.certificate', {
    input: z.strictObject({ domain: hostName.optional() }),
    title: ({ domain }) => `look at the certificate${domain === undefined ? 's' : ` of ${domain}`}`,
    run: async ({ domain }) => ({ certificates: await certificatesOf(deps.home, domain, deps.now()) }),
  }),

  verb('status.docker', {
    input: z.strictObject({}),
    title: () => 'look at the containers',
    run: () => containers(deps.spawn),
  }),
]

async function searchProvider({ repository }: StatusVerbDeps): Promise<string> {
  const head = await repository.head()
  const read = head === undefined ? undefined : await repository.read(head)
  return read?.ok ? read.state.settings.search_provider : 'none'
}

async function serverStatus({ home, engine, services }: StatusVerbDeps) {
  const disk = await statfs(home.root)
  const gibibytes = (bytes: number) => Math.round((bytes / 1024 ** 3) * 10) / 10
  const { revision, desired, converged, resources } = engine.status()
  return {
    uptime_hours: Math.round(uptime() / 360) / 10,
    load: loadavg().map(load => Math.round(load * 100) / 100),
    processors: availableParallelism(),
    memory_gib: { total: gibibytes(totalmem()), free: gibibytes(freemem()) },
    disk_gib: { total: gibibytes(disk.blocks * disk.bsize), free: gibibytes(disk.bavail * disk.bsize) },
    services: services().map(({ name, state, message }) => ({ name, state, ...(message === '' ? {} : { message }) })),
    desired_state: { revision, desired, converged },
    not_ready: resources
      .filter(({ state }) => state !== 'ready')
      .map(({ kind, key, state, message }) => ({ kind, key, state, message })),
    held: engine
      .holds()
      .flatMap(({ kinds }) => kinds.map(({ kind, reason, follows = '' }) => ({ kind, reason: reason || `with ${follows}` }))),
  }
}

const container = z.object({ Names: z.string(), Image: z.string(), Status: z.string(), Ports: z.string().default('') })

async function containers(spawn: Spawn) {
  const why = (words: string) => new ApplianceError('invalid', `containers cannot be looked at: ${words}`)
  if (Bun.which('docker', { PATH: '/usr/local/bin:/usr/bin:/bin' }) === null) throw why('there is no docker on this server')
  const argv = ['docker', 'ps', '--no-trunc', '--format', '{{json .}}']
  const { code, stdout, stderr } = await spawn(argv, { timeout: 10_000, maxOutput: 1024 * 1024 }).catch(error => {
    throw why(explain(error))
  })
  if (code !== 0) throw why(stderr.trim().split('\n')[0] || `docker ended with status ${code}`)
  const lines = stdout.split('\n').filter(Boolean)
  return {
    containers: lines.flatMap(line => {
      const parsed = container.safeParse(JSON.parse(line))
      if (!parsed.success) return []
      const { Names: name, Image: image, Status: status, Ports: ports } = parsed.data
      return [{ name, image, status, ports }]
    }),
  }
}
