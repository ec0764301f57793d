import type { BackupLocation } from '../desired-state/state.ts'
import { type RefusalReason, ResticRefusal } from '../reconcilers/backups/restic/refusal.ts'
import { keysHint } from './restore-order.ts'

/** A refusal with what to do where no appliance is yet: no secret is set here, no document can be changed, nothing tries again. */
export function saidHere(error: unknown, { type }: BackupLocation): unknown {
  if (!(error instanceof ResticRefusal)) return error
  const { reason, kind } = error
  const message = error.message.replace('than host_key says', 'than --host-key says')
  return new ResticRefusal(
    reason,
    kind,
    message,
    hintOf(reason, type, message) ?? error.hint ?? 'see to it, and run the same command again',
  )
}

function hintOf(reason: RefusalReason, type: BackupLocation['type'], message: string): string | undefined {
  switch (reason) {
    case 'wrong-password':
      return 'it is the one that was set with secret set when the backup was declared; without it nobody can read what is in there'
    case 'no-entry':
      return noEntry[type === 'sftp' && message.includes('--host-key') ? 'otherHost' : type]
    case 'gone':
      return gone[type]
    case 'unreachable':
      return 'see that this machine reaches it, and run the same command again'
    case 'not-writable':
      return 'the user that restores has to be able to read it'
    case 'failed':
      return 'run the same command again'
    default:
      return undefined
  }
}

const noEntry = {
  folder: 'the user that restores has to be able to read it',
  sftp: 'put the public key of --identity (ssh-keygen -y -f FILE shows it) into ~/.ssh/authorized_keys there, or name another key',
  otherHost: 'find out why first; if the server is new, give what ssh-keyscan HOST shows',
  s3: keysHint('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, those of the bucket,'),
  rest: keysHint('RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD, those of the server,'),
} as const

const gone = {
  folder: 'mount its disk, or correct --repository',
  sftp: 'correct the path in --repository',
  s3: 'see that address, bucket, path and --region are right',
  rest: 'see that address and path are right',
} as const
