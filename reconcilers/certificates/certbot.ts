import { mkdir, readdir, rm, statfs, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, statIfExists } from '../../runtime/os/files.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { minimalEnvironment, type Spawn } from '../../runtime/os/spawn.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { type Answers, openDesk } from './desk.ts'
import { type DnsAnswersDeps, dnsAnswers } from './dns-answers.ts'
import { type HttpAnswersDeps, httpAnswers } from './http-answers.ts'
import type { Issuer } from './issuer.ts'
import type { Proof } from './item.ts'
import { beginOrder, orderFiles } from './order.ts'
import { endOrphans } from './orphans.ts'
import { accountsAt, type CertbotPlaces, type HostPlaces, hostPlaces } from './places.ts'
import { notRevoked, refusal, wordsOfLog } from './refusal.ts'
import type { RevocationReason } from './requests.ts'

/** What certbot is told to obtain. */
export interface Order {
  readonly host: string
  /** The host and its aliases. */
  readonly names: readonly string[]
  readonly issuer: Issuer
  /** The issuer's own directory, or its staging one. */
  readonly directory: string
  readonly proof: Proof
  /** Resolves when the authority may look for an answer; certbot starts before. What it rejects with ends the try. */
  readonly ready: () => Promise<void>
}

export interface CertbotDeps extends DnsAnswersDeps, HttpAnswersDeps {
  readonly spawn: Spawn
  readonly places: CertbotPlaces
}

type Context = Pick<ApplyContext, 'step' | 'signal'>

export interface Certbot {
  /**
   * Has the authority give a certificate for a new key, into the folder of the order. Throws `failed` with the words of the
   * authority, and what the DNS server says when an answer could not be put there.
   */
  obtain(order: Order, context: Context): Promise<void>
  /** Has the authority revoke the certificate in this folder; nothing happens when it is revoked already. */
  revoke(revocation: Revocation, signal: AbortSignal): Promise<void>
}

export interface Revocation {
  readonly host: string
  readonly issuer: Pick<Issuer, 'authorities'>
  /** The authority that gave it. */
  readonly directory: string
  /** Folder of its `certificate.pem` and `key.pem`. */
  readonly folder: string
  readonly reason: RevocationReason
}

/** Milliseconds that an authority may take to look at all names. */
const patience = 600_000
/** Bytes that have to be free: an authority is not asked for what could not be kept. */
const leastRoom = 16 * 1024 * 1024
const hooks = join(import.meta.dir, 'hooks')

export function createCertbot(deps: CertbotDeps): Certbot {
  const { spawn, places } = deps
  const alone = oneAtATime()
  return {
    async obtain(order, context) {
      const at = hostPlaces(places, order.directory, order.host)
      await endOrphans(at.config)
      await makeFolders(places, order.directory, at)
      await needRoom(at.folder)
      await beginOrder(spawn, at.order, order.names)
      await context.step('requested')
      if (await hasAccount(places, order.directory)) return ask(deps, order, at, context)
      // The first one opens the account, which the others then share.
      const opened = Promise.withResolvers<void>()
      const asking = alone(async () => {
        const whole = ask(deps, order, at, context, opened.resolve)
        await Promise.race([opened.promise, whole])
        return { whole }
      })
      await (await asking).whole
    },
    async revoke(revocation, signal) {
      const at = hostPlaces(places, revocation.directory, revocation.host)
      await endOrphans(at.config)
      await makeFolders(places, revocation.directory, at)
      const { code, stdout, stderr } = await spawn(revokeCommand(revocation, at), {
        ...{ cwd: at.folder, env: environmentWith(revocation.issuer), timeout: patience, signal },
      })
      const printed = `${stdout}\n${stderr}\n${code === 0 ? '' : await wordsOfLog(at.logs)}`
      if (code !== 0 && !/alreadyRevoked|already revoked/i.test(printed)) throw notRevoked(revocation, printed)
    },
  }
}

async function ask(
  deps: CertbotDeps,
  order: Order,
  at: HostPlaces,
  context: Context,
  opened: () => void = () => {},
): Promise<void> {
  const { spawn, places } = deps
  const { signal, step } = context
  await using desk = await openDesk({
    socket: at.socket,
    answers: answersFor(deps, order, at, context),
    ready: order.ready,
    step,
  })
  desk.ordered.then(opened)
  try {
    const { code, stdout, stderr } = await spawn(certonlyCommand(order, places), {
      ...{ cwd: at.folder, env: environmentOf(order, at), timeout: patience, signal: AbortSignal.any([signal, desk.failed]) },
    })
    if (code === 0) return
    const logged = await wordsOfLog(at.logs)
    if (logged.includes('accountDoesNotExist')) await rm(accountsAt(places, order.directory), { recursive: true, force: true })
    throw refusal(order, `${stdout}\n${stderr}\n${logged}`, deps.clock.now())
  } catch (error) {
    signal.throwIfAborted()
    throw desk.failed.aborted ? desk.failed.reason : error
  }
}

function answersFor(deps: CertbotDeps, { proof, names }: Order, { shown }: HostPlaces, context: Context): Answers {
  const { challenges } = deps.places
  return proof.type === 'http'
    ? httpAnswers(deps, names, { challenges, ledger: shown }, context)
    : dnsAnswers(deps, proof.places, shown, context)
}

/**
 * Arguments that obtain one certificate for a request of ours. certbot keeps nothing but its account: a lineage that a death
 * left unfinished would be in the way of the next one. It runs its hooks with a shell, so they are single words, found in
 * the PATH that it is given, and everything that they are about is in their environment.
 */
export function certonlyCommand({ host, issuer, directory, proof }: Omit<Order, 'ready'>, places: CertbotPlaces): string[] {
  const at = hostPlaces(places, directory, host)
  const files = orderFiles(at.order)
  return [
    ...['/usr/bin/certbot', 'certonly', '--non-interactive', '--agree-tos', '--no-eff-email'],
    ...(issuer.email === undefined ? ['--register-unsafely-without-email'] : ['--email', issuer.email]),
    ...['--server', directory],
    ...['--config-dir', at.config, '--work-dir', at.work, '--logs-dir', at.logs, '--max-log-backups', '5'],
    ...['--manual', '--manual-auth-hook', 'show-challenge', '--manual-cleanup-hook', 'hide-challenge'],
    ...['--preferred-challenges', proof.type],
    ...['--csr', files.request],
    ...['--cert-path', files.certificate, '--chain-path', files.chain, '--fullchain-path', files.both],
  ]
}

/** With the certificate's own key, so that it works without the account, too. */
export const revokeCommand = ({ directory, folder, reason }: Revocation, at: HostPlaces): string[] => [
  ...['/usr/bin/certbot', 'revoke', '--non-interactive', '--no-delete-after-revoke', '--server', directory],
  ...['--config-dir', at.config, '--work-dir', at.work, '--logs-dir', at.logs, '--max-log-backups', '5'],
  ...['--cert-path', join(folder, 'certificate.pem'), '--key-path', join(folder, 'key.pem'), '--reason', reason],
]

const environmentWith = ({ authorities }: Pick<Issuer, 'authorities'>) => ({
  ...minimalEnvironment,
  ...(authorities === undefined ? {} : { REQUESTS_CA_BUNDLE: authorities }),
})

const environmentOf = ({ issuer }: Order, { socket }: HostPlaces) => ({
  ...environmentWith(issuer),
  ...{ AI_INFRA_CHALLENGES: socket, PATH: `${hooks}${delimiter}${minimalEnvironment.PATH ?? ''}` },
})

/** A folder for the host, which leads to the one account at this authority. */
async function makeFolders(places: CertbotPlaces, directory: string, at: HostPlaces): Promise<void> {
  await makeDirectory(places.folder, 0o700)
  await makeDirectory(places.challenges)
  const accounts = accountsAt(places, directory)
  for (const path of [accounts, at.config]) await mkdir(path, { recursive: true, mode: 0o700 })
  const link = join(at.config, 'accounts')
  if (!(await statIfExists(link))) await symlink(join('..', '..', '..', 'accounts'), link)
}

async function needRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize >= leastRoom) return
  throw new ApplianceError('failed', 'the disk is full, so no authority is asked for a certificate that could not be kept', {
    hint: `make room below ${folder}`,
  })
}

/** Whether certbot has registered at this authority: a file `regr.json` some folders below. */
async function hasAccount(places: CertbotPlaces, directory: string): Promise<boolean> {
  try {
    return (await readdir(accountsAt(places, directory), { recursive: true })).some(name => name.endsWith('/regr.json'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
