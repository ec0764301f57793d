/** Edits of documents that keep comments and the order of everything else; of `desired-state/edit-domains.ts` and `edit-dns.ts`. */
export interface DomainEditing {
  /** The text with this domain written as given, in its old place or at the end. Not judged: the repository refuses what is wrong. */
  set(text: string | undefined, host: string, entry: Readonly<Record<string, unknown>>): string
  /** The text without this domain; undefined when it has none of that name. */
  remove(text: string, host: string): string | undefined
  /** The text of `dns.yaml` with this zone, in its old place or at the end. */
  setZone(text: string | undefined, zone: string, entry: Readonly<Record<string, unknown>>): string
}
