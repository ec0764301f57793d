import { z } from 'zod'
import { starredName, zoneOf } from '../../../desired-state/documents/dns.ts'
import { recordTypes } from '../../../desired-state/documents/dns-values.ts'
import { editRecord } from '../../../desired-state/edit-dns.ts'
import type { DnsRecordSet } from '../../../desired-state/state.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { DnsDesk } from '../../api/dns.ts'
import { type ChangeDeps, changeDocument } from './change.ts'
import { type Verb, verb } from './verb.ts'

export interface DnsVerbDeps extends ChangeDeps {
  readonly dns: DnsDesk
}

const recordName = z
  .string()
  .max(254)
  .transform(text => {
    const name = text.trim().toLowerCase().replace(/\.$/, '')
    return starredName(name) ?? name
  })
const type = z.enum(recordTypes)
const setInput = z.strictObject({
  name: recordName,
  type,
  values: z.array(z.string().max(4_000)).min(1).max(100),
  ttl: z.int().min(1).max(604_800).exactOptional(),
  proxied: z.boolean().exactOptional(),
})

/** Records as agents change them: commits in their name, judged and converged like everybody's. */
export const dnsVerbs = (deps: DnsVerbDeps): readonly Verb[] => [
  verb('dns.set', {
    input: setInput,
    title: ({ name, type }) => `set ${type} of ${name}`,
    shown: async input => ({ ...input, before: (await declared(deps, input)) ?? 'not there' }),
    run: ({ name, type, ...set }, caller) => change(deps, name, type, set, caller),
  }),

  verb('dns.remove', {
    input: z.strictObject({ name: recordName, type }),
    title: ({ name, type }) => `remove ${type} of ${name}`,
    shown: async input => ({ ...input, before: (await declared(deps, input)) ?? 'not there' }),
    run: ({ name, type }, caller) => change(deps, name, type, undefined, caller),
  }),

  verb('dns.purge', {
    input: z.strictObject({
      zone: recordName,
      files: z
        .array(z.url({ protocol: /^https?$/ }))
        .max(300)
        .default([]),
    }),
    title: ({ zone, files }) =>
      `purge ${files.length === 0 ? 'all' : `${files.length} addresses`} of ${zone} from Cloudflare's cache`,
    async run({ zone, files }, { signal }) {
      await deps.dns.purge(zone, files, signal)
      return { zone, purged: files.length === 0 ? 'everything' : files }
    },
  }),

  verb('status.dns', {
    input: z.strictObject({ zone: recordName.exactOptional() }),
    title: ({ zone }) => `look at ${zone === undefined ? 'the zones' : `the zone ${zone}`}`,
    run: async ({ zone }) => (zone === undefined ? { zones: deps.dns.zones() } : { zone, entries: deps.dns.records(zone) ?? [] }),
  }),

  verb('status.traffic', {
    input: z.strictObject({ zone: recordName, days: z.int().min(1).max(31).default(7) }),
    title: ({ zone }) => `look at the traffic and threats of ${zone}`,
    run: async ({ zone, days }, { signal }) => ({ zone, days: await deps.dns.traffic(zone, days, signal) }),
  }),
]

type NameAndType = Pick<DnsRecordSet, 'name' | 'type'>

async function zoneFor({ repository }: ChangeDeps, name: string) {
  const head = await repository.head()
  const result = head === undefined ? undefined : await repository.read(head)
  return result?.ok ? zoneOf(result.state.dns, name) : undefined
}

async function declared(deps: ChangeDeps, { name, type }: NameAndType): Promise<readonly string[] | undefined> {
  const zone = await zoneFor(deps, name)
  return zone?.records.find(set => set.name === name && set.type === type)?.values
}

async function change(
  deps: DnsVerbDeps,
  name: string,
  type: DnsRecordSet['type'],
  set: Omit<z.output<typeof setInput>, 'name' | 'type'> | undefined,
  caller: Parameters<typeof changeDocument>[2],
) {
  const zone = await zoneFor(deps, name)
  if (zone === undefined) {
    const zones = deps.dns.zones().map(one => one.zone)
    throw new ApplianceError('invalid', `${name} is in no zone of dns.yaml`, {
      hint: `the zones there are ${zones.join(', ') || 'none'}`,
    })
  }
  return changeDocument(
    deps,
    {
      path: 'dns.yaml',
      message: `${set === undefined ? 'Remove' : 'Set'} ${type} of ${name}`,
      resource: { kind: 'dns-record', key: `${name}/${type}` },
      edit: text => (text === undefined ? undefined : editRecord(text, { zone: zone.name, name, type, set })),
    },
    caller,
  )
}
