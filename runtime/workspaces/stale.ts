/** How long what nobody needs any more is kept. */
export const keptFor = 24 * 3_600_000

export interface WorkspaceEntry {
  readonly name: string
  /** Of its last change. */
  readonly changedAt: Date
}

/** What is known of the work that a folder below `working/` is named after: undefined for a conversation. */
export type EndedAt = (name: string) => Date | undefined

/** Names in `temp` that have not changed for a day. */
export const staleFiles = (entries: readonly WorkspaceEntry[], now: Date): readonly string[] =>
  entries.filter(({ changedAt }) => now.getTime() - changedAt.getTime() >= keptFor).map(({ name }) => name)

/** Names in `working` whose task ended a day ago. Those of tasks that are under way and of conversations stay. */
export const staleWork = (entries: readonly WorkspaceEntry[], endedAt: EndedAt, now: Date): readonly string[] =>
  entries
    .filter(({ name }) => now.getTime() - (endedAt(name)?.getTime() ?? Number.POSITIVE_INFINITY) >= keptFor)
    .map(({ name }) => name)
