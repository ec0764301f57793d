import type { Fetched, Remote, RemoteOptions } from '../../desired-state/git/remote.ts'
import type { UpstreamRepository } from '../../desired-state/state.ts'
import type { Problem } from '../../desired-state/upstream-standing.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { MirrorDeps } from './mirror.ts'
import type { Followed } from './records.ts'
import { shownUrl } from './remote.ts'

/** Both sides of the mirror, and what every way between them needs. */
export interface Sides extends MirrorDeps {
  /** Our main. Throws `waiting` before the first commit. */
  head(): Promise<string>
  /** What is declared and known. Throws `invalid` without an upstream. */
  needed(): Followed
  /** Writes down how both stand, and says so to whoever shows it. */
  settle(problem: Problem | undefined, patch?: Partial<Followed>): Promise<void>
  /** In the audit, with the upstream's address. */
  record(action: string, target: string, outcome: 'success' | 'denied', details: Record<string, unknown>): Promise<void>
  /** One ref from there, in quarantine for as long as `use` takes; nothing of it is left that was not kept. */
  fetched<T>(
    declared: UpstreamRepository,
    ref: string,
    use: (fetched: Fetched, remote: Remote) => Promise<T>,
    /** Milliseconds. */
    patience?: number,
  ): Promise<T>
  /** The same for the branch that is mirrored, as a step on the way. */
  fetchedBranch<T>(declared: UpstreamRepository, use: (fetched: Fetched) => Promise<T>): Promise<T>
  /** Whether what is there is part of what is here. */
  follows(theirs: string, main: string): Promise<boolean>
  options(signal?: AbortSignal): RemoteOptions
}

const patience = 120_000

export function createSides(deps: MirrorDeps): Sides {
  const { repository, exchange, records, log, step } = deps
  const options = (signal = AbortSignal.timeout(600_000)) => ({ timeout: deps.patience ?? patience, signal })
  const sides: Sides = {
    ...deps,
    options,
    async head() {
      const main = await repository.head()
      if (main === undefined) throw new ApplianceError('waiting', 'there is no commit here yet')
      return main
    },
    needed() {
      const followed = records.current()
      if (followed !== undefined) return followed
      throw new ApplianceError('invalid', 'there is no upstream', {
        hint: 'write upstream: { url: … } into settings.yaml, and push',
      })
    },
    async settle(problem, patch = {}) {
      const before = records.current()?.problem
      await records.update({ ...patch, problem })
      if (before?.message !== problem?.message && problem !== undefined)
        log.warn('upstream', { reason: problem.reason, error: problem.message })
      deps.changed()
    },
    record: (action, target, outcome, details) =>
      deps.audit(action, target, outcome, { ...details, upstream: shownUrl(records.current()?.declared.url ?? '') }),
    fetched: (declared, ref, use, most = patience) =>
      deps.reach(declared, async remote => {
        const { timeout, signal } = options()
        await using fetched = await exchange.fetch(remote, ref, { timeout: Math.min(timeout, most), signal })
        return await use(fetched, remote)
      }),
    async fetchedBranch(declared, use) {
      step('fetch')
      return sides.fetched(declared, `refs/heads/${declared.branch}`, fetched => {
        step('fetched')
        return use(fetched)
      })
    },
    follows: async (theirs, main) => (await exchange.has(theirs)) && (await repository.isAncestor(theirs, main)),
  }
  return sides
}
