import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { type Spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { serverName } from '../sites/harmless.ts'

/** Days that a self-signed certificate lives, and before whose end a new one is made. */
const lifetimeDays = 397
export const renewalDays = 30

type Names = Pick<DomainDeclaration, 'host' | 'aliases'>

/** `certificate.pem` and `key.pem` in that folder, which only we can open. */
export async function makeSelfSigned(spawn: Spawn, folder: string, domain: Names): Promise<void> {
  await spawnChecked(spawn, selfSignedCommand(folder, domain))
  await chmod(join(folder, 'key.pem'), 0o600)
}

/** One command makes both files; the key never leaves the folder. */
export function selfSignedCommand(folder: string, { host, aliases }: Names): string[] {
  const names = [host, ...aliases].map(name => `DNS:${serverName(name)}`)
  return [
    '/usr/bin/openssl',
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'],
    ...['-days', String(lifetimeDays)],
    ...['-subj', `/CN=${host.length <= 64 ? serverName(host) : 'ai-infrastructure'}`],
    ...['-addext', `subjectAltName=${names.join(',')}`],
    ...['-addext', 'extendedKeyUsage=serverAuth'],
    ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')],
  ]
}
