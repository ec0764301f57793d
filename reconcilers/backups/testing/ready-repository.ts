import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * An empty repository as `restic init` makes it, for the password of the rig. Only the derivation of its key was made cheap
 * (scrypt with N = 2), so that each restic of a test opens it in milliseconds; `init` always takes half a second of a core
 * for that, and each later command as long.
 */
export async function placeReadyRepository(folder: string): Promise<void> {
  for (const name of ['data', 'index', 'keys', 'locks', 'snapshots']) await mkdir(join(folder, name), { recursive: true })
  for (const [name, bytes] of readyRepository()) await writeFile(join(folder, name), bytes)
}

/** Its files by their path, for servers that keep them elsewhere. */
export const readyRepository = (): ReadonlyMap<string, Uint8Array> =>
  new Map([
    [`keys/${createHash('sha256').update(key).digest('hex')}`, Buffer.from(key)],
    ['config', Buffer.from(config, 'base64')],
  ])

const key =
  '{"created":"2026-11-28T20:00:00Z","username":"ai-infra","hostname":"test","kdf":"scrypt","N":2,"r":1,"p":1,' +
  '"salt":"PB7x8iWiAubNrZIajH7SZ6Z4MuJvyLHLQg+A56S1VhU+c0Xjot8jfnPZSFzgOFmyPAZJQ01cYgry1ui2rXUL4A==",' +
  '"data":"RdRm/sOkUJwmQBZPzEx4Ha1t3e/4ZysRj1/7uowkHUiUzywaLXHQGgnYdpDbnCKnkFDg+dws9ICrSmsK9bXsz+eJ++PcljHi/BckWmLJ9Am54BTpurKDDdLi9jeQRhylrM7bbO68+OXtjrtg0NtcfZVll0qcv0dvIVU7dXkbC73J6PsmlAUL7kPWXUACkcxfwm4dDyuXeKLIROwo4hOw8g=="}'

const config =
  'FJt4mtYV/dzjJ/EwTYDs6ezDUXl6i98PAo4RiT1YX9nRobvlutoV4gZbR41jrgZSfCAosMJ8JWwMlU6JjW9XPWZPJLK9ogN/p01UK+TXJ+YJk7svdjPGRMsusPy+WUkAO7/8tHjlF8DzvuGV8l4PfmaGJMq756SMgAu9CJwRMb7foYl4y516+cE3K6NZjCWdiNZXyD2EJWizh2Q='
