import type { CommitResult, Edits, Repository } from '../../desired-state/repository.ts'
import { renderMistake } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'

export interface DocumentEdit {
  readonly path: string
  /** Of the commit. */
  readonly message: string
  /** The new text, or undefined when nothing is to be changed. Called again when main has moved meanwhile. */
  readonly edit: (text: string | undefined) => string | undefined
}

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
export async function editDocument(
  repository: Pick<Repository, 'head' | 'file' | 'edit'>,
  author: { readonly name: string; readonly email: string },
  { path, message, edit }: DocumentEdit,
): Promise<Edited> {
  for (let turn = 0; turn < mostConflicts; turn++) {
    const head = await repository.head()
    if (head === undefined) throw new ApplianceError('waiting', 'the desired-state repository has no commit yet')
    const text = edit(await repository.file(head, path))
    if (text === undefined) return { revision: head, unchanged: true }
    const edits: Edits = new Map([[path, text]])
    const result: CommitResult = await repository.edit(head, edits, author, message)
    switch (result.outcome) {
      case 'committed':
        return { revision: result.revision, unchanged: false }
      case 'unchanged':
        return { revision: head, unchanged: true }
      case 'refused':
        throw new ApplianceError('invalid', `refused, nothing was changed:\n${result.mistakes.map(renderMistake).join('\n')}`)
      case 'conflict':
    }
  }
  throw new ApplianceError('failed', 'others kept changing the desired state at the same time', { hint: 'try again' })
}
