import { ApplianceError, type ErrorKind } from '../../../runtime/os/errors.ts'

/** Why a repository could not be used; one stable word for programs. */
export type RefusalReason =
  | 'wrong-password'
  | 'locked'
  | 'full'
  | 'gone'
  | 'not-writable'
  | 'no-entry'
  | 'unreachable'
  | 'corrupt'
  | 'failed'

/** A refusal of restic, told apart. */
export class ResticRefusal extends ApplianceError {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, kind: ErrorKind, message: string, hint: string) {
    super(kind, message, { hint })
    this.reason = reason
  }
}

interface Rule {
  readonly pattern: RegExp
  readonly reason: RefusalReason
  readonly kind: ErrorKind
  readonly message: string
  readonly hint: string
  /** Tries of one thing after which another does not cure it; absent: any may. */
  readonly tries?: 1 | 2
}

/** The first that fits counts. */
const rules: readonly Rule[] = [
  {
    pattern: /wrong password or no key found/i,
    ...{ reason: 'wrong-password', kind: 'stalled', message: 'the password does not open the repository' },
    hint: 'give it the right one (secret set, with the name that password: says); without it nobody can read what is in there',
  },
  {
    pattern:
      /no space left|disk quota exceeded|file too large|507 Insufficient Storage|413 Request Entity Too Large|quota (?:\w+ ){0,5}(?:exceeded|reached)|QuotaExceeded|minimum free drive/i,
    ...{ reason: 'full', kind: 'failed', message: 'there is no space left for the repository', tries: 1 },
    hint: 'make room there, or keep less (keep: in backups.yaml); what was backed up before is not touched',
  },
  {
    pattern: /already locked|unable to create lock|lock.*is already/i,
    ...{ reason: 'locked', kind: 'failed', message: 'somebody else is using the repository' },
    hint: 'it is tried again; if that program is dead, run: restic unlock',
  },
  {
    pattern: /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    ...{ reason: 'no-entry', kind: 'stalled', message: 'the server shows another key than host_key says' },
    hint: 'find out why first; if the server is new, put what ssh-keyscan HOST shows into host_key',
  },
  {
    pattern: /Permission denied \(publickey|Too many authentication failures/i,
    ...{ reason: 'no-entry', kind: 'stalled', message: 'the server does not let our key in' },
    hint: 'add the public key that backup key shows to ~/.ssh/authorized_keys there',
  },
  {
    pattern: /client\.MakeBucket|NoSuchBucket|The specified bucket does not exist/,
    ...{ reason: 'gone', kind: 'stalled', message: 'there is no such bucket, and the keys may not make one' },
    hint: 'make the bucket, or correct its name in repository:',
    tries: 1,
  },
  {
    pattern: /503 Service Unavailable|SlowDown|reduce your request rate|429 Too Many Requests/i,
    ...{ reason: 'unreachable', kind: 'failed', message: 'the server of the repository asks for fewer requests' },
    hint: 'it is tried again by itself, later each time',
  },
  {
    pattern:
      /401 Unauthorized|403 Forbidden|Access ?Denied|SignatureDoesNotMatch|InvalidAccessKeyId|request signature we calculated|Access Key Id you provided/i,
    ...{ reason: 'no-entry', kind: 'stalled', message: 'the server refuses the keys', tries: 2 },
    hint: 'set what access_key and secret_key name anew',
  },
  {
    pattern: /read-only file system|permission denied/i,
    ...{ reason: 'not-writable', kind: 'stalled', message: 'the appliance may not write there', tries: 1 },
    hint: 'take a folder below /var/backups/ai-infra, or give another one to the user ai-infra and name it in ReadWritePaths= with: systemctl edit ai-infra',
  },
  {
    pattern:
      /connection refused|no such host|i\/o timeout|network is unreachable|no route to host|dial tcp|Connection timed out|Could not resolve|connection reset|Connection closed|unexpected EOF.{0,40}(?:Post|Get|Head)/i,
    ...{ reason: 'unreachable', kind: 'failed', message: 'the server of the repository does not answer' },
    hint: 'it is tried again by itself',
  },
  {
    pattern:
      /ciphertext verification failed|invalid data returned|hash.{0,40}does not match|does not match (?:id|hash)|repository contains errors|pack .{0,80}(?:not found|does not exist|damaged)|not found in index|load.{0,80}(?:returned error|invalid)|blob .{0,80}not found|unexpected EOF|tree .{0,80}could not be loaded|wrong size|truncated/i,
    ...{ reason: 'corrupt', kind: 'stalled', message: 'the repository is damaged' },
    hint: 'keep a copy of it, then see what restic check says of it; name another repository to begin anew meanwhile',
  },
  {
    pattern: /input\/output error|stale (?:NFS )?file handle|transport endpoint is not connected|host is down/i,
    ...{ reason: 'unreachable', kind: 'failed', message: 'the disk of the repository cannot be read' },
    hint: 'see to the disk, or to the server that it is mounted from; it is tried again',
  },
  {
    pattern: /unable to open config file|Is there a repository at|config.{0,60}(?:does not exist|no such file)|NoSuchBucket/i,
    ...{ reason: 'gone', kind: 'failed', message: 'there is no repository' },
    hint: 'mount its disk, or put it back; of a bucket or server see that it is the right one',
  },
]

/** The disk of the home has no room, or the one that it restores to. */
export const ownDiskFull = (words: string): ResticRefusal =>
  new ResticRefusal(
    'full',
    'failed',
    `there is no space left on the disk of the appliance: ${words}`,
    'make room there; what was backed up before is not touched, and it is tried again',
  )

const retried = /^(?:Load|Save|Stat|List|Remove)\(.*?returned error, retrying after \S+: /

/** Not what is removed: a place that only takes in refuses that for good, and what was backed up is there all the same. */
const needed = /^((?:Load|Save|Stat|List)\(.*?) returned error, retrying after /

/**
 * Whether restic, which tries all that fails ten times and takes a minute for that, tries something that does not become
 * better: then it need not go on.
 */
export function triesInVain(printed: string): boolean {
  const tries = new Map<string, number>()
  for (const line of printed.split('\n')) {
    const what = needed.exec(line)?.[1]
    const most = what === undefined ? undefined : rules.find(({ pattern }) => pattern.test(line))?.tries
    if (what === undefined || most === undefined) continue
    const count = (tries.get(what) ?? 0) + 1
    if (count >= most) return true
    tries.set(what, count)
  }
  return false
}

/** What a restic that failed says, as a sentence with the next step; `own` are folders of ours that it writes to. */
export function refusalOf(verb: string, printed: string, own: readonly string[] = []): ResticRefusal {
  const full = printed.split('\n').find(line => /no space left|disk quota exceeded/i.test(line))
  if (full !== undefined && own.some(folder => full.includes(`${folder}/`))) return ownDiskFull(lastWords(full))
  const rule = rules.find(({ pattern }) => pattern.test(printed))
  const words = lastWords(printed)
  if (rule === undefined) return new ResticRefusal('failed', 'failed', `restic ${verb} failed: ${words}`, 'it is tried again')
  return new ResticRefusal(rule.reason, rule.kind, `${rule.message}: ${words}`, rule.hint)
}

const mostWords = 400

function lastWords(printed: string): string {
  const lines = printed
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('{'))
  const said = lines.filter(line => !retried.test(line) && !/signal interrupt received/.test(line))
  const fatal = said.filter(line => /fatal|error|unable|refused|denied|verification/i.test(line))
  const tried = lines.filter(line => retried.test(line)).map(line => line.replace(retried, ''))
  const chosen = (fatal.length > 0 ? fatal : said.length > 0 ? said : tried.slice(-1)).slice(-2).join('; ')
  const words = chosen.replace(/^Fatal: /, '')
  return words === '' ? 'it said nothing' : words.length > mostWords ? `${words.slice(0, mostWords)} …` : words
}
