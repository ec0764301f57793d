/** Edits of `domains.yaml` that keep comments and the order of everything else. */
export interface DomainEditing {
  /** The text with this domain written as given, in its old place or at the end. */
  set(text: string, host: string, entry: Readonly<Record<string, unknown>>): string
  /** The text without this domain. */
  remove(text: string, host: string): string
}
