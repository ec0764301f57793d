import { z } from 'zod'
import { backupParts } from '../../../desired-state/documents/backup-schema.ts'
import type { Manifest } from '../source/manifest.ts'

/** What there is to say of a restore that is whole, also when the command that says it goes on after a death. */
const noteShape = z.object({
  name: z.string(),
  hostname: z.string(),
  /** ISO 8601 */
  at: z.string(),
  /** Parts that this backup does not have. */
  missing: z.array(z.string()),
  /** Variables to be set again. */
  environment: z.array(z.string()),
})
export type RestoreNote = z.infer<typeof noteShape>

export const writeNote = ({ name, hostname, at, what, environment }: Manifest): string =>
  JSON.stringify({
    name,
    hostname,
    at,
    environment,
    missing: backupParts.filter(part => !what.includes(part)),
  } satisfies RestoreNote)

/** Undefined for what an older version has left, which wrote none. */
export function readNote(text: string): RestoreNote | undefined {
  if (text === '') return undefined
  return noteShape.parse(JSON.parse(text))
}
