import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { makeDirectory, readTextIfExists, writeFileAtomic } from '../../../runtime/os/files.ts'

/** The secret that signs session cookies: made once, kept in the folder of keys. */
export async function portalSecret(keys: string): Promise<string> {
  const path = join(keys, 'portal-session-secret')
  const kept = (await readTextIfExists(path))?.trim()
  if (kept) return kept
  await makeDirectory(keys, 0o700)
  const secret = randomBytes(32).toString('base64url')
  await writeFileAtomic(path, `${secret}\n`, 0o600)
  return secret
}
