import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { linkIfAbsent, makeDirectory, readTextIfExists, removeIfExists, writeFileAtomic } from '../os/files.ts'
import type { Home } from '../os/home.ts'

/**
 * The password of our Redis's user `default`, which may do everything there: made once, kept in the folder of keys. The
 * service and the runtime may both be first to ask; the file takes its name once, so both get the same.
 */
export async function redisPassword({ keys }: Pick<Home, 'keys'>): Promise<string> {
  const path = join(keys, 'redis-password')
  const kept = (await readTextIfExists(path))?.trim()
  if (kept) return kept
  await makeDirectory(keys, 0o700)
  const mine = `${path}.${randomBytes(6).toString('hex')}`
  await writeFileAtomic(mine, `${randomBytes(32).toString('base64url')}\n`, 0o600)
  if (kept === '') await removeIfExists(path)
  await linkIfAbsent(mine, path)
  await removeIfExists(mine)
  return redisPassword({ keys })
}
