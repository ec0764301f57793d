import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Reach } from '../../../runtime/secrets/bindings.ts'
import type { SecretEntry, StoreProblem } from '../../../runtime/secrets/secrets.ts'
import type { PortalDeps } from '../deps.ts'

/** Secrets in memory. */
export function fakeSecrets(): Pick<PortalDeps, 'secrets' | 'secretUses'> & {
  readonly values: Map<string, string>
  readonly entries: Map<string, SecretEntry>
  readonly uses: Map<string, readonly string[]>
  readonly problems: StoreProblem[]
  readonly reaches: Map<string, Reach>
} {
  const values = new Map<string, string>()
  const entries = new Map<string, SecretEntry>()
  const uses = new Map<string, readonly string[]>()
  const problems: StoreProblem[] = []
  const reaches = new Map<string, Reach>()
  return {
    ...{ values, entries, uses, problems, reaches },
    secretUses: () => uses,
    secrets: {
      list: async () => ({ secrets: [...entries.values()], problems }),
      recipient: async () => 'age1mqfsaqx3pkkmkva6q6n7sydx5xjhlgnv7hn4wqghn7y8mnz9uelq8qzrkd',
      async set(name, value) {
        values.set(name, value)
        entries.set(name, { name, source: 'home', changedAt: '2026-11-22T20:10:00Z', hidden: [] })
        return { source: 'home', hiddenBy: undefined }
      },
      reaches: async () => reaches,
      async allow(name, host) {
        if (host.includes(' ')) throw new ApplianceError('invalid', 'this is no host')
        reaches.set(name, { allowed: [...(reaches.get(name)?.allowed ?? []), host], refused: [] })
      },
      async restrict(name, hosts) {
        const own = reaches.get(name)
        reaches.set(name, { allowed: hosts, refused: [] })
        return async () => void (own === undefined ? reaches.delete(name) : reaches.set(name, own))
      },
      async remove(name) {
        if (!entries.delete(name)) throw new ApplianceError('invalid', `there is no secret ${name}`)
      },
    },
  }
}
