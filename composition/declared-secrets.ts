import type { Repository } from '../desired-state/repository.ts'
import type { Settings } from '../desired-state/state.ts'

export interface DeclaredSecrets {
  /** Of secrets.age.yaml, by name, encrypted and armored. */
  readonly values: ReadonlyMap<string, string>
  /** Public keys of the operators. */
  readonly recipients: ReadonlyMap<string, string>
  readonly store: Settings['secret_store']
}

/** What the newest commit that could be read says of secrets; before the first, nothing. */
export function declaredSecrets(repository: Pick<Repository, 'head' | 'read'>): () => Promise<DeclaredSecrets> {
  let seen: string | undefined
  let last: DeclaredSecrets = { values: new Map(), recipients: new Map(), store: 'age' }
  return async () => {
    const head = await repository.head()
    if (head === undefined || head === seen) return last
    const result = await repository.read(head)
    if (result.ok) last = { ...result.state.secrets, store: result.state.settings.secret_store }
    seen = head
    return last
  }
}
