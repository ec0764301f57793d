import type { CommitResult, Edits, Repository } from '../../desired-state/repository.ts'
import { type Mistake, renderMistake } from '../../desired-state/state.ts'
import type { Engine, RevisionPlan } from '../../reconcilers/engine/status.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'

export interface DocumentEdit {
  readonly path: string
  /** Of the commit. */
  readonly message: string
  /** The new text, or undefined when nothing is to be changed. Called again when main has moved meanwhile. */
  readonly edit: (text: string | undefined) => string | undefined
}

/** New texts by path, from those of a commit; none when nothing is to be changed. */
export type ChangeDocuments = (read: (path: string) => Promise<string | undefined>) => Promise<Edits>

/** The commit that declares it now; `unchanged` when main declared the same already. */
export interface Edited {
  readonly revision: string
  readonly unchanged: boolean
}

const mostConflicts = 5

/**
 * Commits a change of one document on top of whatever main is by then, judged like a push. Throws `invalid` with every
 * mistake, each at its place, when it is refused.
 */
export const editDocument = (
  repository: Pick<Repository, 'head' | 'file' | 'edit'>,
  author: { readonly name: string; readonly email: string },
  { path, message, edit }: DocumentEdit,
): Promise<Edited> =>
  editDocuments(repository, author, message, async read => {
    const text = edit(await read(path))
    return new Map(text === undefined ? [] : [[path, text]])
  })

/** As {@link editDocument}, of several documents in one commit. */
export async function editDocuments(
  repository: Pick<Repository, 'head' | 'file' | 'edit'>,
  author: { readonly name: string; readonly email: string },
  message: string,
  change: ChangeDocuments,
): Promise<Edited> {
  for (let turn = 0; turn < mostConflicts; turn++) {
    const { head, edits } = await editsOnMain(repository, change)
    if (edits.size === 0) return { revision: head, unchanged: true }
    const result: CommitResult = await repository.edit(head, edits, author, message)
    switch (result.outcome) {
      case 'committed':
        return { revision: result.revision, unchanged: false }
      case 'unchanged':
        return { revision: head, unchanged: true }
      case 'refused':
        throw refused(result.mistakes)
      case 'conflict':
    }
  }
  throw new ApplianceError('failed', 'others kept changing the desired state at the same time', { hint: 'try again' })
}

/** What such a commit would do now. Writes nothing; throws as {@link editDocuments} does. */
export async function planOfEdit(
  repository: Pick<Repository, 'head' | 'file' | 'preview'>,
  engine: Pick<Engine, 'plan'>,
  change: ChangeDocuments,
): Promise<RevisionPlan> {
  const { head, edits } = await editsOnMain(repository, change)
  const preview = await repository.preview(head, edits)
  if (!preview.ok) throw refused(preview.mistakes)
  return engine.plan(preview.state)
}

async function editsOnMain(repository: Pick<Repository, 'head' | 'file'>, change: ChangeDocuments) {
  const head = await repository.head()
  if (head === undefined) throw new ApplianceError('waiting', 'the desired-state repository has no commit yet')
  return { head, edits: await change(path => repository.file(head, path)) }
}

const refused = (mistakes: readonly Mistake[]) =>
  new ApplianceError('invalid', `refused, nothing was changed:\n${mistakes.map(renderMistake).join('\n')}`)
