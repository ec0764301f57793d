import { secretsFile, setSharedSecret } from '../desired-state/edit-secrets.ts'
import type { Author, Repository } from '../desired-state/repository.ts'
import { renderMistake } from '../desired-state/state.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import { encryptFor } from '../runtime/secrets/age.ts'
import { checkSecret, type Secrets } from '../runtime/secrets/secrets.ts'
import type { DeclaredSecrets } from './declared-secrets.ts'

export interface SharingDeps {
  readonly repository: Pick<Repository, 'head' | 'file' | 'edit'>
  readonly declared: () => Promise<DeclaredSecrets>
  readonly secrets: Pick<Secrets, 'recipient' | 'claim'>
}

/** Commits a value to secrets.age.yaml, encrypted for every recipient that is listed there and for this appliance. */
export type ShareSecret = (name: string, value: string, author: Author) => Promise<void>

export function sharing({ repository, declared, secrets }: SharingDeps): ShareSecret {
  return async (name, value, author) => {
    checkSecret(name, value)
    const head = await repository.head()
    if (head === undefined) throw new ApplianceError('invalid', 'there is no commit yet')
    const recipients = new Set([...(await declared()).recipients.values(), await secrets.recipient()])
    const text = setSharedSecret(await repository.file(head, secretsFile), name, await encryptFor(recipients, value))
    await secrets.claim(name, value)
    const result = await repository.edit(head, new Map([[secretsFile, text]]), author, `secrets: set ${name}`)
    if (result.outcome === 'conflict') throw new ApplianceError('invalid', 'main has moved meanwhile', { hint: 'repeat' })
    if (result.outcome === 'refused') throw new ApplianceError('invalid', result.mistakes.map(renderMistake).join('\n'))
  }
}
