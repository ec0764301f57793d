import { ApplianceError } from '../os/errors.ts'

/** What a document writes: `secret:DB`, or `secret:DB.password` for one field of a secret that is a JSON object. */
export interface SecretReference {
  readonly name: string
  readonly field: string | undefined
}

const namePattern = /^[A-Z][A-Z0-9_]{0,99}$/
const referencePattern = /^(?:secret:)?([A-Z][A-Z0-9_]{0,99})(?:\.([A-Za-z0-9_-]{1,100}))?$/

export const isSecretName = (text: string): boolean => namePattern.test(text)

/** Throws `invalid` for what cannot name a secret. The text is not repeated: it may be the secret itself. */
export function checkedName(text: string): string {
  if (isSecretName(text)) return text
  throw new ApplianceError('invalid', 'this is no name of a secret', {
    hint: 'write at most 100 capital letters, digits and _, a letter first, like DNS_KEY',
  })
}

/** With or without `secret:`. Throws `invalid` for anything else. */
export function readReference(text: string): SecretReference {
  const [, name, field] = referencePattern.exec(text) ?? []
  if (name !== undefined) return { name, field }
  throw new ApplianceError('invalid', 'this does not name a secret', { hint: 'write secret:NAME, like secret:DNS_KEY' })
}
