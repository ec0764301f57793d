import { z } from 'zod'

/** A value that only names a secret, whole or one field of it: nobody reads it in the repository. */
export const secretReference = z
  .string()
  .regex(
    /^secret:[A-Z][A-Z0-9_]{0,99}(?:\.[A-Za-z0-9_-]{1,100})?$/,
    'write the name of a secret, like secret:DNS_KEY, never the secret itself; on the server, secret set DNS_KEY takes its value',
  )
