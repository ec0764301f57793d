import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { SecretEntry } from '../../../runtime/secrets/secrets.ts'
import type { PortalDeps } from '../deps.ts'

/** Secrets in memory, one of which is set and one is missing. */
export function fakeSecrets(): Pick<PortalDeps, 'secrets' | 'secretUses'> & { readonly values: Map<string, string> } {
  const values = new Map<string, string>()
  const entries = new Map<string, SecretEntry>()
  return {
    values,
    secretUses: () => new Map([['DNS_KEY', ['dns.yaml example.com']]]),
    secrets: {
      list: async () => ({ secrets: [...entries.values()], problems: [] }),
      recipient: async () => 'age1mqfsaqx3pkkmkva6q6n7sydx5xjhlgnv7hn4wqghn7y8mnz9uelq8qzrkd',
      async set(name, value) {
        values.set(name, value)
        entries.set(name, { name, source: 'home', changedAt: '2026-11-22T20:10:00Z', hidden: [] })
        return { source: 'home', hiddenBy: undefined }
      },
      async remove(name) {
        if (!entries.delete(name)) throw new ApplianceError('invalid', `there is no secret ${name}`)
      },
    },
  }
}
