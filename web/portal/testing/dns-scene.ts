import type { DnsDesk } from '../../api/dns.ts'
import { fakeDns } from './fake-dns.ts'

const zones = [
  {
    ...{ zone: 'example.com', provider: 'cloud', type: 'cloudflare' as const, records: 3, settings: 4, state: 'stalled' },
    problems: ['grafana.example.com/A is stalled: it is there already with other values: 203.0.113.9'],
  },
  {
    ...{ zone: 'example.net', provider: 'home', type: 'rfc2136' as const, records: 1, settings: 0 },
    state: 'reconciling',
    problems: [],
  },
]

const site = { kind: 'site-record' as const, proxied: true, message: '' }
const foreign = 'it is there already with other values: 203.0.113.9'
const records = new Map([
  [
    'example.com',
    [
      { ...site, key: 'blog.example.com/A', values: ['198.51.100.7'], state: 'ready' },
      { ...site, key: 'grafana.example.com/A', values: [], state: 'stalled', message: foreign },
      { kind: 'dns-record' as const, key: 'example.com/MX', values: ['10 mail.example.com'], state: 'ready', message: '' },
    ],
  ],
  [
    'example.net',
    [{ ...site, proxied: false, key: 'example.net/A', values: [], state: 'reconciling', message: 'waits for ns2.example.net' }],
  ],
])

const days = [22, 23, 24, 25, 26, 27, 28].map((day, index) => ({
  date: `2026-11-${day}`,
  requests: 41_300 + index * 1_777,
  cached_requests: 30_100 + index * 911,
  bytes: (700 + index * 13) * 1_048_576,
  threats: index === 4 ? 312 : index,
  visitors: 1_204 + index * 31,
}))

/** Two zones, one of them at Cloudflare with a week of traffic. */
export const dnsScene = (): DnsDesk =>
  fakeDns({ zones: () => zones, records: zone => records.get(zone), traffic: async () => days })
