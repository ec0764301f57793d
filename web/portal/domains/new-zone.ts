import { parse } from 'yaml'
import { parseHost } from '../../../desired-state/documents/host.ts'
import type { DomainEditing } from './editing.ts'
import { isEntry } from './entry.ts'

/** A zone that is to be kept for a host. */
export interface NewZone {
  /** Of dns.yaml. */
  readonly provider: string
  /** The name without its first part where it is undefined. */
  readonly name: string | undefined
}

/** `dns.yaml` with a zone for the host, or why it cannot have that one. */
export function withZone(
  editing: Pick<DomainEditing, 'setZone'>,
  before: string,
  host: string,
  { provider, name = parentOf(host) }: NewZone,
): { readonly after: string } | { readonly wrong: string } {
  const covering = dnsNames(before).zones.find(zone => isWithin(host, asciiOf(zone)))
  if (covering !== undefined) return { wrong: `${host} is in the zone ${covering}, which dns.yaml keeps already` }
  if (!isWithin(host, name)) return { wrong: `${host} is not in the zone ${name}` }
  return { after: editing.setZone(before, name, { provider }) }
}

const asciiOf = (zone: string): string => {
  const parsed = parseHost(zone)
  return 'ok' in parsed ? parsed.ok : zone
}

const isWithin = (host: string, zone: string) => host === zone || host.endsWith(`.${zone}`)

/** shop.example.com is in example.com; a name of two parts is a zone itself. */
function parentOf(host: string): string {
  const labels = host.split('.')
  return labels.length > 2 ? labels.slice(1).join('.') : host
}

/** Providers and zones as `dns.yaml` names them, whatever else is wrong with it. */
export function dnsNames(text: string): { readonly providers: readonly string[]; readonly zones: readonly string[] } {
  const document: unknown = parse(text, { logLevel: 'silent' })
  const names = (map: unknown) => (isEntry(map) ? Object.keys(map) : [])
  return isEntry(document) ? { providers: names(document.providers), zones: names(document.zones) } : { providers: [], zones: [] }
}
