import type { Standing } from '../../desired-state/upstream-standing.ts'
import type { MirrorDeps } from './mirror.ts'
import { choicesOf } from './problems.ts'
import { shownUrl } from './remote.ts'

/** How the mirror stands, with nothing in it that is secret. */
export async function standingOf({ records, repository, signingKey, command }: MirrorDeps): Promise<Standing> {
  const [followed, main] = [records.current(), (await repository.head()) ?? '']
  const signed = main !== '' && (await repository.signers(main)).length > 0
  const ours = { main, signingKey: signed ? await signingKey() : '' }
  if (followed === undefined) return { url: '', branch: '', choices: [], ...ours }
  const { declared, head, agreed, seenAt, problem } = followed
  return {
    ...ours,
    ...{ url: shownUrl(declared.url), branch: declared.branch, choices: choicesOf(problem, command) },
    ...(head !== undefined && { head }),
    ...(agreed !== undefined && { agreed }),
    ...(seenAt !== undefined && { seenAt: seenAt.toISOString() }),
    ...(problem !== undefined && { problem }),
  }
}
