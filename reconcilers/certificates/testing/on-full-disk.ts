import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../../../runtime/os/clock.ts'
import { explain } from '../../../runtime/os/errors.ts'
import { homeAt } from '../../../runtime/os/home.ts'
import { makeHome } from '../../../runtime/os/home-folders.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { bindProviders } from '../../dns/testing/bind.ts'
import type { Attempt } from '../attempts.ts'
import { createCertificatesReconciler } from '../certificates.ts'
import { declared } from './declared.ts'
import { rememberedAttempts, rememberedRenewals, rememberedRequests, servingSites } from './remembered.ts'

/** Runs where the home is a small disk of its own, and prints what came of it as JSON. */
const told = z
  .object({
    ...{ home: z.string(), secret: z.string() },
    ...{ domains: z.string(), directory: z.string(), authorities: z.string(), dnsPort: z.int() },
  })
  .parse(JSON.parse(process.argv[2] ?? ''))

const home = homeAt(told.home)
await makeHome(home)
const attempts: Attempt[] = []
const reconciler = createCertificatesReconciler({
  ...{ home, spawn, clock: systemClock, fetch, random: Math.random },
  providers: bindProviders(told),
  attempts: rememberedAttempts(attempts),
  renewals: rememberedRenewals(new Map()),
  requests: rememberedRequests(new Map()),
  issuer: () => told,
  ...{ served: async () => {}, withdrawn: () => {}, resolve: async () => [], own: [], httpPort: 1 },
  ...servingSites,
})
const { signal } = new AbortController()
const desired = reconciler.select(declared(told))

/** What went wrong; how often the authority was asked so far. */
async function converge(at: (step: string) => void): Promise<{ readonly failure: string; readonly asked: number }> {
  const { changes } = reconciler.plan(desired, await reconciler.observe(desired, signal))
  const context = { signal, progress: () => {}, step: async (name: string) => at(name) }
  const outcomes = await Promise.allSettled(changes.map(change => reconciler.apply(change, context)))
  const failure = outcomes.map(outcome => (outcome.status === 'rejected' ? explain(outcome.reason) : '')).join('')
  return { failure, asked: attempts.length }
}

const filler = join(home.root, 'filler')

function fill(most: number): void {
  const file = openSync(filler, 'w')
  for (let size = 1 << 20, written = 0; size >= 1 && written < most; size = size === 1 ? 0 : size >> 4) {
    const block = Buffer.alloc(size)
    try {
      while (written < most) written += writeSync(file, block)
    } catch {
      // Full for blocks of this size: smaller ones fill the rest.
    }
  }
  closeSync(file)
}

fill(40 << 20)
const before = await converge(() => {})
unlinkSync(filler)
const during = await converge(step => {
  if (step === 'issued') fill(Number.POSITIVE_INFINITY)
})
unlinkSync(filler)
const after = await converge(() => {})
const last = reconciler.plan(desired, await reconciler.observe(desired, signal))
console.log(JSON.stringify({ before, during, after, left: last.changes.length }))
