import { rename } from 'node:fs/promises'
import { statIfExists, syncDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import type { NginxControl } from '../../runtime/services/nginx-process.ts'

/** Bytes of one log file before it is put aside, and how many are kept. */
const largest = 32 * 1024 * 1024
const kept = 5

/**
 * Puts nginx's logs aside when they have grown large: `nginx-access.log.1` is the youngest. Gives the files that were
 * put aside. Cheap enough for every look.
 */
export async function rotateNginxLogs(home: Home, nginx: NginxControl, limit = largest): Promise<readonly string[]> {
  const { accessLog, errorLog } = nginxLayout(home)
  const rotated: string[] = []
  for (const path of [accessLog, errorLog]) {
    const stat = await statIfExists(path)
    if (stat === undefined || stat.size < limit) continue
    for (let number = kept - 1; number >= 1; number--) {
      if (await statIfExists(`${path}.${number}`)) await rename(`${path}.${number}`, `${path}.${number + 1}`)
    }
    await rename(path, `${path}.1`)
    rotated.push(path)
  }
  if (rotated.length === 0) return rotated
  await syncDirectory(home.logs)
  if (nginx.pid() !== undefined) await nginx.reopenLogs()
  return rotated
}
