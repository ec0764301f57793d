import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import { minimalEnvironment, type Spawn } from '../../runtime/os/spawn.ts'
import { type Issuer, issuerFolder } from './issuer.ts'

/** What certbot is told to obtain. */
export interface Order {
  readonly host: string
  /** The host and its aliases. */
  readonly names: readonly string[]
  readonly issuer: Issuer
  /** The issuer's own directory, or its staging one. */
  readonly directory: string
}

export interface CertbotPlaces {
  /** Folder of everything that certbot keeps, for this user alone. */
  readonly folder: string
  /** Web root in which answers to challenges are put. */
  readonly challenges: string
}

/** A certificate chain and its key as certbot keeps them, PEM. */
export interface Lineage {
  readonly chain: string
  readonly key: string
}

/** Milliseconds that an authority may take to look at all names. */
const patience = 300_000

/**
 * Arguments that obtain one certificate over HTTP-01, whatever was there before. One lineage for a host; a changed list of
 * names is a new certificate of the same lineage.
 */
export function certonlyCommand({ host, names, issuer, directory }: Order, places: CertbotPlaces): string[] {
  const at = (name: string) => join(places.folder, issuerFolder(directory), name)
  return [
    ...['/usr/bin/certbot', 'certonly', '--non-interactive', '--agree-tos', '--no-eff-email'],
    ...(issuer.email === undefined ? ['--register-unsafely-without-email'] : ['--email', issuer.email]),
    ...['--server', directory],
    ...['--config-dir', at('config'), '--work-dir', at('work'), '--logs-dir', at('logs'), '--max-log-backups', '5'],
    ...['--webroot', '--webroot-path', places.challenges, '--preferred-challenges', 'http'],
    ...['--key-type', 'ecdsa', '--elliptic-curve', 'secp256r1'],
    ...['--cert-name', host, '--force-renewal', '--renew-with-new-domains'],
    ...names.flatMap(name => ['--domain', name]),
  ]
}

/** Obtains it; throws `failed` with the words of the authority. */
export async function obtain(spawn: Spawn, order: Order, places: CertbotPlaces, signal: AbortSignal): Promise<void> {
  await makeDirectory(places.folder, 0o700)
  const authorities = order.issuer.authorities
  const { code, stdout, stderr } = await spawn(certonlyCommand(order, places), {
    cwd: places.folder,
    env: { ...minimalEnvironment, ...(authorities === undefined ? {} : { REQUESTS_CA_BUNDLE: authorities }) },
    timeout: patience,
    signal,
  })
  if (code !== 0) throw refusal(order, `${stdout}\n${stderr}\n${await problemInLog(order, places)}`)
}

/** The last problem that the authority told of; certbot 2.1 on Python 3.11 prints its own failure to show it instead. */
async function problemInLog({ directory }: Order, { folder }: CertbotPlaces): Promise<string> {
  const log = Bun.file(join(folder, issuerFolder(directory), 'logs', 'letsencrypt.log'))
  if (!(await log.exists())) return ''
  const text = await log.slice(Math.max(0, log.size - 65_536)).text()
  const [, kind = '', detail = ''] = [...text.matchAll(/urn:ietf:params:acme:error:(\w+) :: [^:\n]* :: ([^\n]+)/g)].at(-1) ?? []
  return kind === '' ? '' : `Problem: ${kind}: ${detail}`
}

/** What certbot has of a host at a directory, if anything. */
export async function lineageOf({ folder }: CertbotPlaces, directory: string, host: string): Promise<Lineage | undefined> {
  const live = join(folder, issuerFolder(directory), 'config', 'live', host)
  try {
    const [chain, key] = await Promise.all([
      readFile(join(live, 'fullchain.pem'), 'utf8'),
      readFile(join(live, 'privkey.pem'), 'utf8'),
    ])
    return { chain, key }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Lines of certbot that tell a person nothing of the cause. */
const noise =
  /^(?:Saving debug log to|Requesting a certificate for|Account registered|Renewing an existing|Some challenges have failed|Ask for help|See the logfile|Certbot failed to authenticate|Hint:|$)/

/** The authority's own words out of what certbot printed. */
export function refusal({ host, directory }: Order, printed: string): ApplianceError {
  const lines = printed.split('\n').map(line => line.trim())
  const details = lines.flatMap(line => /^Detail:\s*(.+)$/.exec(line)?.[1] ?? [])
  const domains = lines.flatMap(line => /^Domain:\s*(.+)$/.exec(line)?.[1] ?? [])
  const told = details.map((detail, index) => (domains[index] === undefined ? detail : `${domains[index]}: ${detail}`))
  const problems = lines.flatMap(line => /^Problem:\s*(.+)$/.exec(line)?.[1] ?? [])
  const words = [told, problems, lines.filter(line => !noise.test(line)).slice(-2)].find(({ length }) => length > 0) ?? []
  return new ApplianceError('failed', `${new URL(directory).hostname} gave no certificate: ${words.join('; ').slice(0, 1_000)}`, {
    subject: `certificate/${host}`,
    hint: hintFor(printed),
  })
}

function hintFor(printed: string): string {
  if (/rateLimited|too many/i.test(printed)) return 'the authority has had too many requests; it is tried again later'
  if (/NXDOMAIN|no valid A records|DNS problem/i.test(printed)) return 'point the name to this server in DNS'
  if (/Connection refused|Timeout during connect|unauthorized/i.test(printed))
    return 'port 80 of this name has to reach this server from the internet'
  if (/Max retries exceeded|NewConnectionError|ConnectionError/i.test(printed))
    return 'the authority does not answer; it is tried again'
  return 'it is tried again'
}
