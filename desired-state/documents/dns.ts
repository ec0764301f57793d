import type { z } from 'zod'
import type { DnsProvider, DnsRecordSet, DnsZone, Mistake } from '../state.ts'
import { didYouMean } from '../suggest.ts'
import type { Path, Source } from '../yaml.ts'
import { check, isMap, type Report, reportOn } from './check.ts'
import { balancerName } from './cloudflare-schema.ts'
import { dnsSchema, type zoneSchema } from './dns-schema.ts'
import { dnsName, parseValue, type RecordType, recordTypes } from './dns-values.ts'
import { type Parsed, parseHost } from './host.ts'

const mostRecords = 10_000

export interface ParsedDns {
  /** By name, in lower case and punycode. */
  readonly zones: ReadonlyMap<string, DnsZone>
  readonly mistakes: readonly Mistake[]
}

export const noDns: ParsedDns = { zones: new Map(), mistakes: [] }

export function parseDns(source: Source): ParsedDns {
  const report = reportOn(source)
  const document = check(dnsSchema, withoutEmpty(source.value ?? {}), [], report)
  const zones = new Map<string, DnsZone>()
  if (document === undefined) return { zones, mistakes: report.mistakes }
  const providers = new Map(Object.entries(document.providers))
  let count = 0
  for (const [key, fields] of Object.entries(document.zones)) {
    const path = ['zones', key]
    const name = parseHost(key)
    if ('wrong' in name) {
      report.say(path, name.wrong, 'key')
      continue
    }
    if (zones.has(name.ok)) {
      report.say(path, `the zone ${name.ok} is declared twice: keep it in one place`, 'key')
      continue
    }
    const provider = providers.get(fields.provider)
    if (provider === undefined) {
      const known = [...providers.keys()]
      const listed = known.length === 0 ? ': write one below providers' : `: the providers here are ${known.join(', ')}`
      const hint = didYouMean(fields.provider, known) || listed
      report.say([...path, 'provider'], `there is no provider ${JSON.stringify(fields.provider)}${hint}`)
      continue
    }
    refuseElsewhere(fields, provider.type, path, report)
    refuseTwice(name.ok, fields, path, report)
    const zone = { name: name.ok, provider: { name: fields.provider, ...provider } }
    const records = recordsOf(zone.name, fields, provider.type, [...path, 'records'], report)
    count += records.length
    const { ttl, sites, proxied, create, cloudflare } = fields
    zones.set(zone.name, { ...zone, ttl, sites, proxied, create, records, ...(cloudflare !== undefined && { cloudflare }) })
  }
  if (count > mostRecords)
    report.say(['zones'], `there are ${count} records, and there may be ${mostRecords}: remove some`, 'key')
  refuseSharedNames(zones, report)
  return { zones, mistakes: report.mistakes }
}

/** A key whose entries are all comments says the same as one that is not there. */
const withoutEmpty = (value: unknown): unknown =>
  isMap(value) ? Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null)) : value

type Fields = z.output<typeof zoneSchema>

/** What only Cloudflare has. */
function refuseElsewhere(
  { proxied, create, ttl, cloudflare }: Fields,
  type: DnsProvider['type'],
  path: Path,
  report: Report,
): void {
  refuseTtl(type, ttl, [...path, 'ttl'], report)
  if (type === 'cloudflare') return
  if (proxied) report.say([...path, 'proxied'], 'only Cloudflare leads requests through itself: remove proxied')
  if (create) report.say([...path, 'create'], 'a zone of this server is made on the server itself: remove create')
  if (cloudflare !== undefined)
    report.say([...path, 'cloudflare'], 'these are settings of Cloudflare, which this zone is not at: remove them', 'key')
}

/** A load balancer may be called by its short or its whole name. */
function refuseTwice(zone: string, { cloudflare }: Fields, path: Path, report: Report): void {
  const seen = new Set<string>()
  for (const key of Object.keys(cloudflare?.load_balancers ?? {})) {
    const name = balancerName(zone, key)
    if (seen.has(name)) report.say([...path, 'cloudflare', 'load_balancers', key], `${name} is there twice: keep one`, 'key')
    seen.add(name)
  }
}

/** 1 is automatic, and at least a minute is asked for otherwise (Cloudflare, API reference of DNS records). */
function refuseTtl(type: DnsProvider['type'], ttl: number, path: Path, report: Report): void {
  if (type !== 'cloudflare' || ttl === 1 || (ttl >= 60 && ttl <= 86_400)) return
  report.say(path, `Cloudflare keeps answers for 60 to 86400 seconds, or 1 for automatic: ${ttl} is neither`)
}

function recordsOf(
  zone: string,
  { records, ttl: usual, proxied: through }: Fields,
  provider: DnsProvider['type'],
  path: Path,
  report: Report,
): readonly DnsRecordSet[] {
  const found = new Map<string, DnsRecordSet>()
  for (const [key, types] of Object.entries(records)) {
    const at = [...path, key]
    const name = fullName(zone, key)
    if ('wrong' in name) {
      report.say(at, name.wrong, 'key')
      continue
    }
    if (ownMark.test(name.ok)) {
      report.say(at, 'names that begin with _any or _ai-infra- say whose a record is: choose another name', 'key')
      continue
    }
    const present = recordTypes.filter(type => types[type] !== undefined)
    refuseTogether(name.ok, zone, present, at, report)
    for (const type of present) {
      const set = types[type]
      if (set === undefined) continue
      const id = `${name.ok} ${type}`
      if (found.has(id)) report.say([...at, type], `${name.ok} has ${type} records in two places: put them together`, 'key')
      const said = wordsOf(set)
      if (said.ttl !== undefined) refuseTtl(provider, said.ttl, [...at, type, 'ttl'], report)
      if (said.proxied === true) refuseProxied(type, provider, [...at, type, 'proxied'], report)
      const values = valuesOf(type, said.values, [...at, type], report)
      const proxied = said.proxied ?? (through && proxiable.has(type))
      // Cloudflare itself says how long its own addresses hold.
      const ttl = proxied ? 1 : (said.ttl ?? usual)
      const more = { ...(proxied && { proxied }), ...(said.adopt === true && { adopt: said.adopt }) }
      found.set(id, { zone, name: name.ok, type, ttl, values, ...more })
    }
  }
  return [...found.values()]
}

/** Marks of ours in a zone, and how a star is called in them. */
const ownMark = /^(_any\.|_ai-infra-)/

interface Words {
  readonly values: readonly string[]
  readonly ttl?: number | undefined
  readonly proxied?: boolean | undefined
  readonly adopt?: boolean | undefined
}

function wordsOf(set: string | string[] | (Omit<Words, 'values'> & { readonly values: string | string[] })): Words {
  if (typeof set === 'string') return { values: [set] }
  if (Array.isArray(set)) return { values: set }
  return { ...set, values: typeof set.values === 'string' ? [set.values] : set.values }
}

const proxiable: ReadonlySet<RecordType> = new Set(['A', 'AAAA', 'CNAME'])

function refuseProxied(type: RecordType, provider: DnsProvider['type'], path: Path, report: Report): void {
  if (provider !== 'cloudflare') report.say(path, 'only Cloudflare leads requests through itself: remove proxied')
  else if (!proxiable.has(type))
    report.say(path, `Cloudflare leads A, AAAA and CNAME through itself, and ${type} not: remove proxied`)
}

/** `@`, `www` or a full name inside the zone, also with underscores and with a star as its first part. */
export function fullName(zone: string, key: string): Parsed<string> {
  const bare = key.toLowerCase()
  if (bare === '@') return { ok: zone }
  const whole = starredName(bare.replace(/\.$/, ''))
  if (whole === zone || whole?.endsWith(`.${zone}`)) return { ok: whole }
  if (bare.endsWith('.') && whole !== undefined)
    return { wrong: `${JSON.stringify(key)} is not in the zone ${zone}: write it below its own zone` }
  const full = bare.endsWith('.') ? undefined : starredName(`${bare}.${zone}`)
  if (full !== undefined) return { ok: full }
  return { wrong: `${JSON.stringify(key)} is no name in ${zone}: write @, or one like www, _dmarc or *` }
}

/** A name of a record in lower case and punycode; undefined when it is none. */
export function starredName(text: string): string | undefined {
  const starred = text.startsWith('*.')
  const rest = dnsName(starred ? text.slice(2) : text)
  const full = starred && rest !== undefined ? `*.${rest}` : rest
  return full !== undefined && full.length <= 253 ? full : undefined
}

/** A name with a CNAME is that other name, so it has nothing else (RFC 1034, 3.6.2). */
function refuseTogether(name: string, zone: string, types: readonly RecordType[], path: Path, report: Report): void {
  if (types.includes('NS') && name === zone) {
    report.say([...path, 'NS'], 'the NS records of a zone itself belong to its server: remove them here', 'key')
  }
  if (!types.includes('CNAME')) return
  if (name === zone) {
    report.say([...path, 'CNAME'], 'a zone itself cannot have a CNAME: write A and AAAA records', 'key')
  } else if (types.length > 1) {
    const others = types.filter(type => type !== 'CNAME').join(', ')
    report.say([...path, 'CNAME'], `a name with a CNAME has no other records: remove the CNAME or ${others}`, 'key')
  }
}

function valuesOf(type: RecordType, values: readonly string[], path: Path, report: Report): readonly string[] {
  const parsed = new Set<string>()
  for (const [index, text] of values.entries()) {
    const value = parseValue(type, text)
    const at = values.length > 1 ? [...path, index] : path
    if ('wrong' in value) report.say(at, value.wrong)
    else if (parsed.has(value.ok)) report.say(at, `${JSON.stringify(text)} is there twice: keep one`)
    else parsed.add(value.ok)
  }
  if (type === 'CNAME' && values.length > 1) report.say(path, 'a name has one CNAME: keep one')
  return [...parsed].sort()
}

/** A name belongs to the longest zone that it is in. */
function refuseSharedNames(zones: ReadonlyMap<string, DnsZone>, report: Report): void {
  for (const zone of zones.values()) {
    for (const { name } of zone.records) {
      const owner = zoneOf(zones, name)
      if (owner !== undefined && owner.name !== zone.name) {
        report.say(
          ['zones', zone.name, 'records'],
          `${name} is in the zone ${owner.name}, which is declared as well: write it there`,
          'key',
        )
      }
    }
  }
}

/** The longest declared zone that holds a name. */
export function zoneOf(zones: ReadonlyMap<string, DnsZone>, name: string): DnsZone | undefined {
  for (let at = name; at.includes('.'); at = at.slice(at.indexOf('.') + 1)) {
    const zone = zones.get(at)
    if (zone !== undefined) return zone
  }
  return undefined
}
