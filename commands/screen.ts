import { homedir } from 'node:os'
import { join } from 'node:path'

/** What `up` shows once everything is ready. */
export interface Screen {
  readonly home: string
  readonly portalPort: number
  readonly httpPort: number
  readonly cloneCommand: string
  /** One-time code of the first administrator; undefined once there is one. */
  readonly firstAdminCode: string | undefined
  readonly claudeKey: boolean
  /** How the person calls the command line from anywhere. */
  readonly command: string
  readonly milliseconds: number
}

/** Who the appliance runs as, seen by the person who started it. */
export type Owner =
  | { readonly kind: 'self' }
  /** Started by root: root must not run Git in our repository, so Git's programs run as the appliance's user. */
  | { readonly kind: 'dropped'; readonly user: string; readonly through: 'setpriv' | 'sudo' }

export function screenLines(screen: Screen): string[] {
  const { portalPort, firstAdminCode } = screen
  return [
    '',
    `  AI Infrastructure is up, in ${(screen.milliseconds / 1_000).toFixed(1)} s.`,
    '',
    `  Portal       http://127.0.0.1:${portalPort}/`,
    `               from your own machine first: ssh -L ${portalPort}:127.0.0.1:${portalPort} you@this-server`,
    ...(firstAdminCode === undefined ? [] : [`  First admin  ${firstAdminCode}    (one-time code: the portal asks for it)`]),
    `  Sites        http://127.0.0.1:${screen.httpPort}/    (by host name; unknown names get 404)`,
    `  Agents       ${screen.command} attach`,
    ...(screen.claudeKey ? [] : ['               set ANTHROPIC_API_KEY and start again to let them answer']),
    '',
    '  The server is what this repository declares. Clone it, edit domains.yaml, git push:',
    '',
    screen.cloneCommand,
    '',
    '  Ctrl-C stops everything; the next start goes on with all of it kept.',
    '',
  ]
}

/** The command that clones, and sets the clone up to fetch and push, for the person who started the appliance. */
export function cloneCommandFor(repository: string, owner: Owner): string {
  if (owner.kind === 'self') return `git clone ${shellWord(repository)}`
  const as = (program: string) => [...asOwner(owner), program].join(' ')
  return [
    'git clone',
    `-c remote.origin.uploadpack=${shellWord(as('git-upload-pack'))}`,
    `-c remote.origin.receivepack=${shellWord(as('git-receive-pack'))}`,
    `--upload-pack=${shellWord(as('git-upload-pack'))}`,
    shellWord(`file://${repository}`),
  ].join(' ')
}

function asOwner(owner: Extract<Owner, { kind: 'dropped' }>): string[] {
  if (owner.through === 'sudo') return ['sudo', '-H', '-u', owner.user]
  return ['setpriv', `--reuid=${owner.user}`, `--regid=${owner.user}`, '--init-groups', '--reset-env']
}

/** How the person who started the appliance calls its command line, from any folder. */
export function commandLine(home: string, program: string, owner: Owner, installed: boolean): string {
  if (installed) return 'ai-infra'
  const usual = owner.kind === 'self' ? join(homedir(), '.local', 'state', 'ai-infra') : '/var/lib/ai-infra'
  const words = [...(home === usual ? [] : [`AI_INFRA_HOME=${shellWord(home)}`]), shellWord(join(program, 'main.ts'))]
  return [...(owner.kind === 'dropped' && owner.through === 'sudo' ? ['sudo'] : []), ...words].join(' ')
}

/** One word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
