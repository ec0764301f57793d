import { z } from 'zod'
import type { UpstreamRepository } from '../../desired-state/state.ts'
import { type Problem, problemShape } from '../../desired-state/upstream-standing.ts'
import type { Store } from '../../runtime/store/store.ts'

/** What is remembered of the upstream that is followed. */
export interface Followed {
  readonly declared: UpstreamRepository
  readonly head: string | undefined
  readonly agreed: string | undefined
  readonly seenAt: Date | undefined
  readonly problem: Problem | undefined
}

/** In Postgres, with what was last written in memory: every look asks for it. */
export interface Records {
  current(): Followed | undefined
  load(): Promise<void>
  /** Follows this one from now on; nothing is known of it yet, unless only its secrets or times are others. */
  follow(declared: UpstreamRepository): Promise<void>
  forget(): Promise<void>
  update(patch: Partial<Omit<Followed, 'declared'>>): Promise<void>
}

const rowShape = z.object({
  declared: z.custom<UpstreamRepository>(value => z.object({ url: z.string(), branch: z.string() }).safeParse(value).success),
  head: z.string().nullable(),
  agreed: z.string().nullable(),
  seen_at: z.date().nullable(),
  problem: problemShape.nullable().catch(null),
})

export function createRecords(store: Store): Records {
  let current: Followed | undefined
  const save = async ({ declared, head, agreed, seenAt, problem }: Followed) => {
    const stored = { declared: JSON.stringify(declared), problem: problem === undefined ? null : JSON.stringify(problem) }
    const [at, its, both] = [seenAt ?? null, head ?? null, agreed ?? null]
    await store`
      INSERT INTO upstream (name, declared, head, agreed, seen_at, problem)
      VALUES ('main', ${stored.declared}::text::jsonb, ${its}, ${both}, ${at}, ${stored.problem}::text::jsonb)
      ON CONFLICT (name) DO UPDATE SET
        declared = excluded.declared, head = excluded.head, agreed = excluded.agreed, seen_at = excluded.seen_at, problem = excluded.problem`
  }
  return {
    current: () => current,
    async load() {
      const [row] = z
        .array(rowShape)
        .parse(await store`SELECT declared, head, agreed, seen_at, problem FROM upstream WHERE name = 'main'`)
      if (row === undefined) return
      const { declared, head, agreed, seen_at, problem } = row
      current = {
        declared,
        head: head ?? undefined,
        agreed: agreed ?? undefined,
        seenAt: seen_at ?? undefined,
        problem: problem ?? undefined,
      }
    },
    async follow(declared) {
      const same = current?.declared.url === declared.url && current.declared.branch === declared.branch
      const next = same && current !== undefined ? { ...current, declared } : { ...nothing, declared }
      await save(next)
      current = next
    },
    async forget() {
      await store`DELETE FROM upstream WHERE name = 'main'`
      current = undefined
    },
    async update(patch) {
      if (current === undefined) return
      const next = { ...current, ...patch }
      await save(next)
      current = next
    },
  }
}

const nothing = { head: undefined, agreed: undefined, seenAt: undefined, problem: undefined }
