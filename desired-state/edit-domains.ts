import type { DomainDocument } from './documents/domain-schema.ts'
import { parseSiteName } from './documents/host.ts'
import { type NamedMap, removeEntry, setEntry } from './edit-entries.ts'

/** By its name as it is written, or as punycode. */
const domains: NamedMap = {
  file: 'domains.yaml',
  map: 'domains',
  means(key, host) {
    if (key === host) return true
    const parsed = parseSiteName(key)
    return 'ok' in parsed && parsed.ok === host
  },
}

/** `domains.yaml` with a domain added at the end, or replaced where it stands; see {@link setEntry}. */
export const setDomain = (text: string | undefined, host: string, declaration: DomainDocument): string =>
  setEntry(domains, text, host, declaration)

/** `domains.yaml` without a domain; undefined when it has none of that name. */
export const removeDomain = (text: string, host: string): string | undefined => removeEntry(domains, text, host)
