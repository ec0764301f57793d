import { basename, resolve } from 'node:path'
import { restoreAppliance } from '../composition/restore.ts'
import { keysHint, type RestoreOrder } from '../composition/restore-order.ts'
import type { RestoreNote } from '../reconcilers/backups/restore/note.ts'
import { readEnvironment } from '../runtime/os/environment.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { CommandContext, ExitStatus } from './command.ts'
import { harmless } from './harmless.ts'

export interface RestoreWords {
  readonly repository: string
  readonly snapshot?: string | undefined
  readonly into?: string | undefined
  readonly region?: string | undefined
  readonly 'host-key'?: string | undefined
  readonly identity?: string | undefined
}

/**
 * A whole appliance out of its repository, where nothing is yet. The password comes from standing input once all else is in
 * order, and stands nowhere.
 */
export async function restoreHere(context: CommandContext, words: RestoreWords): Promise<ExitStatus> {
  const { environment, out } = context
  const into = resolve(words.into ?? environment.home.root)
  if (process.getuid?.() === 0)
    throw new ApplianceError('invalid', 'nothing of the appliance runs as root', {
      hint: './install.sh restore does it as the user ai-infra',
    })
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort(new Error(signal)))
  const note = await restoreAppliance({
    ...{ repository: words.repository, snapshot: words.snapshot, into, region: words.region, signal: ending.signal },
    ...{ hostKey: words['host-key'], identity: words.identity === undefined ? undefined : resolve(words.identity) },
    ...{ keys: keysFor(words.repository, process.env), password: readPassword },
    progress: line => out(`  ${harmless(line)}`),
  }).catch(error => {
    if (!ending.signal.aborted) throw error
    throw new ApplianceError('failed', 'it was stopped', {
      hint: `the same command begins again, or goes on where all was there; until then no appliance starts in ${into}`,
    })
  })
  for (const line of noteLines(note, into)) out(harmless(line))
  out(`Start it: ${startOf(context, into)}    (never both, the old one and this)`)
  return 0
}

function noteLines(note: RestoreNote | undefined, into: string): string[] {
  if (note === undefined) return [`What was restored before is in ${into}, all of it`]
  const { name, hostname, at, missing, environment } = note
  return [
    `${name} of ${hostname}, as it was at ${at}, is in ${into}`,
    ...(missing.length > 0 ? [`This backup does not have: ${missing.join(', ')}`] : []),
    ...(environment.length > 0 ? [`Set again in the environment, no backup has their values: ${environment.join(' ')}`] : []),
  ]
}

const installedHome = '/var/lib/ai-infra'

/** The command that starts what was restored, as one types it; the installer knows another verb than the program. */
export function startOf({ called, environment }: Pick<CommandContext, 'called' | 'environment'>, into: string): string {
  if (called === 'ai-infra' && into === installedHome) return 'sudo systemctl start ai-infra.target'
  if (isInstaller(called) && into === installedHome) return `sudo ${called}`
  const usual = readEnvironment({ ...process.env, AI_INFRA_HOME: '' }).home.root
  const home = into === usual && environment.home.root === usual ? '' : `AI_INFRA_HOME=${into} `
  return `${home}${called} ${isInstaller(called) ? 'run' : 'up'}`
}

/** `./install.sh restore` calls us, and is what the user has typed. */
export const isInstaller = (called: string) => basename(called) === 'install.sh'

export const installerUsage = (called: string): readonly string[] => [
  `${called} restore --repository R [SNAPSHOT] [--into DIR]`,
  '  a folder: nothing else. sftp: --host-key KEY --identity FILE. s3: --region NAME, and AWS_ACCESS_KEY_ID and',
  '  AWS_SECRET_ACCESS_KEY in the environment. rest: RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD there.',
]

/** As restic and the programs of AWS read them. */
export function keysFor(repository: string, variables: Readonly<Record<string, string | undefined>>): RestoreOrder['keys'] {
  const names = repository.startsWith('rest:')
    ? (['RESTIC_REST_USERNAME', 'RESTIC_REST_PASSWORD'] as const)
    : (['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const)
  if (!/^(?:rest|s3):/.test(repository)) return undefined
  const [access, secret] = names.map(name => variables[name] || undefined)
  const session = names[0] === 'AWS_ACCESS_KEY_ID' ? variables.AWS_SESSION_TOKEN || undefined : undefined
  if (access !== undefined && secret !== undefined) return { access, secret, ...(session === undefined ? {} : { session }) }
  if (access === undefined && secret === undefined) return undefined
  throw new ApplianceError('invalid', `${access === undefined ? names[0] : names[1]} is not set, and the other one is`, {
    hint: keysHint(names.join(' and ')),
  })
}

/** The first line of standing input; typed without an echo where it is a terminal. */
async function readPassword(): Promise<string> {
  const terminal = process.stdin.isTTY === true
  if (terminal) {
    process.stderr.write('Password of the repository: ')
    process.stdin.setRawMode(true)
  }
  let typed: Typed = { text: '', ended: false, given: true }
  try {
    for await (const chunk of process.stdin) {
      for (const character of String(chunk)) typed = typed.ended ? typed : after(typed, character)
      if (typed.ended) break
    }
  } finally {
    if (terminal) {
      process.stdin.setRawMode(false)
      process.stderr.write('\n')
    }
    process.stdin.pause()
  }
  if (typed.text !== '' && typed.given) return typed.text
  throw new ApplianceError('invalid', 'no password came on standing input', { hint: 'type it, or: … < FILE-WITH-THE-PASSWORD' })
}

interface Typed {
  readonly text: string
  readonly ended: boolean
  /** False after Ctrl-C. */
  readonly given: boolean
}

/** A terminal that echoes nothing does not take back either. */
function after({ text, given }: Typed, character: string): Typed {
  switch (character) {
    case '\r':
    case '\n':
    case '\x04':
      return { text, given, ended: true }
    case '\x03':
      return { text, given: false, ended: true }
    case '\x7f':
      return { text: text.slice(0, -1), given, ended: false }
    default:
      return { text: text + character, given, ended: false }
  }
}
