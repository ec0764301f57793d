import { parse } from 'yaml'
import { fullName } from './documents/dns.ts'
import { parseHost } from './documents/host.ts'
import { type Declaration, type NamedMap, removeEntry, setEntry } from './edit-entries.ts'

const isZone = (key: string, zone: string): boolean => {
  const parsed = parseHost(key)
  return 'ok' in parsed ? parsed.ok === zone : key === zone
}

const zones: NamedMap = { file: 'dns.yaml', map: 'zones', means: isZone }

/** `dns.yaml` with a zone added at the end, or replaced where it stands; see {@link setEntry}. */
export const setZone = (text: string | undefined, zone: string, declaration: Declaration): string =>
  setEntry(zones, text, zone, declaration)

/** `dns.yaml` without a zone; undefined when it has none of that name. */
export const removeZone = (text: string, zone: string): string | undefined => removeEntry(zones, text, zone)

/** One set of records as dns.yaml says it; `name` is the whole one, inside the zone. */
export interface RecordEdit {
  readonly zone: string
  readonly name: string
  readonly type: string
  /** Undefined: there is to be none. */
  readonly set: { readonly values: readonly string[]; readonly ttl?: number; readonly proxied?: boolean } | undefined
}

/** `dns.yaml` with one set of records as given; undefined when the zone is not there, or has no such set to remove. */
export function editRecord(text: string, { zone, name, type, set }: RecordEdit): string | undefined {
  const document: unknown = parse(text)
  const all = entry(document, 'zones')
  const declared = entry(all, Object.keys(all ?? {}).find(key => isZone(key, zone)) ?? zone)
  if (declared === undefined) return undefined
  const records = { ...entry(declared, 'records') }
  const key = Object.keys(records).find(written => isName(written, name, zone)) ?? shortName(name, zone)
  const types: Record<string, unknown> = { ...entry(records, key) }
  if (set === undefined && types[type] === undefined) return undefined
  if (set === undefined) delete types[type]
  else types[type] = setWords(set)
  if (Object.keys(types).length === 0) delete records[key]
  else records[key] = types
  return setZone(text, zone, { ...declared, records })
}

/** As a person would write it. */
function setWords({ values, ttl, proxied }: NonNullable<RecordEdit['set']>): unknown {
  const said = values.length === 1 ? values[0] : values
  if (ttl === undefined && proxied === undefined) return said
  return { values: said, ...(ttl !== undefined && { ttl }), ...(proxied !== undefined && { proxied }) }
}

const shortName = (name: string, zone: string) => (name === zone ? '@' : name.slice(0, -zone.length - 1))

const isName = (written: string, name: string, zone: string): boolean => {
  const whole = fullName(zone, written)
  return 'ok' in whole && whole.ok === name
}

function entry(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = new Map(Object.entries(value)).get(key)
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? Object.fromEntries(Object.entries(found))
    : undefined
}
