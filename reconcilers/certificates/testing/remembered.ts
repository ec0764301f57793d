import type { Attempt, Attempts } from '../attempts.ts'
import type { CertificatesDependencies } from '../certificates.ts'
import type { Renewal, Renewals } from '../renewals.ts'
import type { CertificateRequest, Requests } from '../requests.ts'

/** What the appliance keeps in Postgres, for as long as a test runs. */

export const rememberedAttempts = (all: Attempt[]): Attempts => ({
  recent: async () => Map.groupBy(all.toReversed(), ({ host }) => host),
  ofAccounts: async () => new Map(all.filter(({ scope }) => scope === 'account').map(one => [one.directory, one])),
  record: async attempt => void all.push(attempt),
})

export const rememberedRenewals = (all: Map<string, Renewal>): Renewals => ({
  of: async ids => new Map([...all].filter(([id]) => ids.includes(id))),
  keep: async renewal => void all.set(renewal.certificate, renewal),
})

export const rememberedRequests = (all: Map<string, CertificateRequest>): Requests => ({
  open: async () => all,
  ask: async request => void all.set(request.host, request),
  close: async ({ host }) => void all.delete(host),
  async renewInstead({ host }, certificate) {
    const request = all.get(host)
    if (request !== undefined) all.set(host, { ...request, action: { type: 'renew' }, certificate })
  },
})

/** Sites and records that are there. */
export const servingSites: Pick<CertificatesDependencies, 'sites' | 'recordLacks'> = {
  sites: { isChanging: () => false, lacks: async () => undefined },
  recordLacks: () => undefined,
}
