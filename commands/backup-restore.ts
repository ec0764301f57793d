import { readdir } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { restoreAppliance } from '../composition/restore.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import { type CommandContext, type ExitStatus, WrongUse } from './command.ts'

export interface RestoreWords {
  readonly repository: string
  readonly snapshot?: string | undefined
  readonly into?: string | undefined
  readonly region?: string | undefined
  readonly 'host-key'?: string | undefined
  readonly identity?: string | undefined
}

/** A whole appliance out of its repository, where nothing is yet. The password comes from standing input, and stands nowhere. */
export async function restoreHere({ environment, out, called }: CommandContext, words: RestoreWords): Promise<ExitStatus> {
  const into = resolve(words.into ?? environment.home.root)
  if (process.getuid?.() === 0)
    throw new ApplianceError('invalid', 'nothing of the appliance runs as root', {
      hint: './install.sh restore does it as the user ai-infra',
    })
  if (!isAbsolute(into)) throw new WrongUse('--into must be a folder')
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort(new Error(signal)))
  const restored = await restoreAppliance({
    ...{ repository: words.repository, snapshot: words.snapshot, into, region: words.region, signal: ending.signal },
    ...{ hostKey: words['host-key'], identity: words.identity, keys: keysOf(process.env), password: await readPassword() },
    progress: line => out(`  ${line}`),
  })
  out(`${restored.name} of ${restored.hostname}, as it was at ${restored.at}, is in ${into}`)
  if (restored.missing.length > 0) out(`This backup does not have: ${restored.missing.join(', ')}`)
  if (restored.environment.length > 0)
    out(`Set again in the environment, no backup has their values: ${restored.environment.join(' ')}`)
  out(
    `Start it: ${into === environment.home.root ? '' : `AI_INFRA_HOME=${into} `}${called} up    (never both, the old one and this)`,
  )
  return (await readdir(into)).length > 0 ? 0 : 1
}

/** As restic and the programs of AWS read them. */
function keysOf(variables: Readonly<Record<string, string | undefined>>) {
  const access = variables.AWS_ACCESS_KEY_ID ?? variables.RESTIC_REST_USERNAME
  const secret = variables.AWS_SECRET_ACCESS_KEY ?? variables.RESTIC_REST_PASSWORD
  return access === undefined || secret === undefined ? undefined : { access, secret }
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
