import { type Declaration, type NamedMap, removeEntry, setEntry } from './edit-entries.ts'

const zones: NamedMap = { file: 'dns.yaml', map: 'zones', means: (key, zone) => key === zone }

/** `dns.yaml` with a zone added at the end, or replaced where it stands; see {@link setEntry}. */
export const setZone = (text: string | undefined, zone: string, declaration: Declaration): string =>
  setEntry(zones, text, zone, declaration)

/** `dns.yaml` without a zone; undefined when it has none of that name. */
export const removeZone = (text: string, zone: string): string | undefined => removeEntry(zones, text, zone)
