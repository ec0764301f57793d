import { z } from 'zod'
import { systemClock } from '../../../runtime/os/clock.ts'
import { homeAt } from '../../../runtime/os/home.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { bindProviders } from '../../dns/testing/bind.ts'
import { createCertificatesReconciler } from '../certificates.ts'
import type { CertificateRequest } from '../requests.ts'
import { declared } from './declared.ts'
import { rememberedAttempts, rememberedRenewals, rememberedRequests, servingSites } from './remembered.ts'

/**
 * A process that looks and applies once, for one host, and kills itself at the step of that number. What it was told stands in
 * its first argument; `revoke`: id of the certificate that a person wants revoked; `later`: by how much its clock is ahead.
 */
const told = z
  .object({
    ...{ revoke: z.string().optional(), later: z.int().default(0) },
    ...{ home: z.string(), secret: z.string(), fatal: z.int(), host: z.string() },
    ...{ domains: z.string(), directory: z.string(), authorities: z.string(), dnsPort: z.int(), httpPort: z.int() },
  })
  .parse(JSON.parse(process.argv[2] ?? ''))

const clock = { ...systemClock, now: () => new Date(Date.now() + told.later) }
const requests = new Map<string, CertificateRequest>()
if (told.revoke !== undefined) {
  const action = { type: 'revoke', reason: 'superseded' } as const
  requests.set(told.host, { host: told.host, action, certificate: told.revoke, by: 'ada', at: clock.now() })
}
const reconciler = createCertificatesReconciler({
  ...{ home: homeAt(told.home), spawn, clock, fetch, random: Math.random },
  providers: bindProviders(told),
  attempts: rememberedAttempts([]),
  renewals: rememberedRenewals(new Map()),
  requests: rememberedRequests(requests),
  issuer: () => told,
  ...{ served: async () => {}, withdrawn: () => {}, resolve: async () => [], own: [], httpPort: told.httpPort },
  ...servingSites,
})
const { signal } = new AbortController()
const desired = reconciler.select(declared(told))
const { changes } = reconciler.plan(desired, await reconciler.observe(desired, signal))
let count = 0
for (const change of changes.filter(({ key }) => key === told.host)) {
  await reconciler.apply(change, {
    signal,
    progress: () => {},
    async step(name) {
      if (count++ !== told.fatal) return
      process.stdout.write(`${name}\n`)
      process.kill(process.pid, 'SIGKILL')
    },
  })
}
