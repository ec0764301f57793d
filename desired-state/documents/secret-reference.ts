import { z } from 'zod'

/**
 * A value that only names a secret, whole or one field of it: nobody reads it in the repository. `example` is a name that
 * fits the place. What stands there instead may be the secret itself, and is not repeated.
 */
export function secretReference(example: string) {
  const message = `write the name of a secret, like secret:${example}, never the secret itself: on the server, ai-infra secret set ${example} takes its value; what was written here before counts as known, so take another one`
  return z
    .string({ error: ({ input }) => (input === undefined ? undefined : message) })
    .regex(/^secret:[A-Z][A-Z0-9_]{0,99}(?:\.[A-Za-z0-9_-]{1,100})?$/, message)
}

/** For an address: who opens the door stands in the name of a secret, where there is a place for one. */
export const hasNoPassword = (address: string): boolean => {
  const url = URL.parse(address)
  return url === null || (url.username === '' && url.password === '')
}

export const noPassword = 'no user or password in the address: this repository is no place for secrets'
