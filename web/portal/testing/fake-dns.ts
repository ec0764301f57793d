import type { DnsDesk } from '../../api/dns.ts'

/** No zones, until a test writes some down. */
export const fakeDns = (changes: Partial<DnsDesk> = {}): DnsDesk => ({
  zones: () => [],
  records: () => undefined,
  snapshots: async () => [],
  snapshot: async () => undefined,
  account: async () => undefined,
  purge: async () => {},
  traffic: async () => [],
  forget: async () => false,
  ...changes,
})
