import { z } from 'zod'
import { cronSchema } from './cron.ts'
import { secretReference } from './secret-reference.ts'

/** What a backup can hold: together it is the whole appliance. */
export const backupParts = [
  ...['postgres', 'desired-state', 'memory', 'sites', 'audit', 'certificates', 'secrets', 'agents', 'other'],
] as const satisfies readonly string[]

const keepSchema = z.strictObject({
  days: z
    .int()
    .min(1)
    .max(3_650)
    .optional()
    .describe('The last one of each of so many days that have one. Default: backup_retention_days.'),
  weeks: z.int().min(0).max(520).default(8).describe('The last one of each of so many weeks that have one. Default: 8.'),
  months: z.int().min(0).max(240).default(12).describe('The last one of each of so many months that have one. Default: 12.'),
})

export const backupSchema = z.strictObject({
  repository: z
    .string()
    .max(1_000)
    .describe('A folder (/srv/backups/atlas), or sftp:, s3: or rest: as restic spells them (sftp:user@host:/path).'),
  password: secretReference('BACKUP_PASSWORD').describe('Opens the repository: secret:NAME. Whoever loses it loses the backups.'),
  access_key: secretReference('BACKUP_USER')
    .optional()
    .describe('For s3: the access key id. For rest: the user name. secret:NAME.'),
  secret_key: secretReference('BACKUP_KEY')
    .optional()
    .describe('For s3: the secret access key. For rest: the password. secret:NAME.'),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, 'region must be a name like eu-central-1')
    .optional()
    .describe('For s3: the region of the bucket.'),
  host_key: z
    .string()
    .regex(/^(?:ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]{40,1000}$/, {
      error: 'host_key must be the public key of the server, like "ssh-ed25519 AAAA…": ssh-keyscan HOST shows it',
    })
    .optional()
    .describe('For sftp: the public key of the server, as ssh-keyscan shows it, without the host.'),
  schedule: cronSchema.optional().describe('When, as cron has it, in the time of the server. Default: backup_schedule.'),
  jitter_minutes: z.int().min(0).max(720).default(10).describe('Spread over so many minutes. Default: 10.'),
  what: z.array(z.enum(backupParts)).min(1).optional().describe('Parts that are kept. Default: everything.'),
  keep: keepSchema.default({ weeks: 8, months: 12 }).describe('How long backups are kept.'),
  drill: z
    .union([cronSchema, z.literal('never')])
    .default('0 4 * * 0')
    .describe('When a restore is tried out, as cron has it, or never. Default: Sundays at four.'),
  check_percent: z.int().min(0).max(100).default(5).describe('How much of the packs each trial reads again. Default: 5.'),
  late_after_hours: z
    .int()
    .min(1)
    .max(2_160)
    .optional()
    .describe('Hours without a backup after which it counts as failed. Default: once a second one is missed.'),
})

export const gitBackupSchema = z.strictObject({
  repository: z
    .string()
    .max(1_000)
    .describe('Where it is pushed to: https://github.com/you/ai-infra-backup.git, ssh://, or an absolute path.'),
  what: z.enum(['code', 'memory']).describe('code: the desired state and the projects of the agents. memory: MEMORY.'),
  token: secretReference('GITHUB_PAT').optional().describe('For https: the token that may push, like secret:GITHUB_PAT.'),
  host_key: backupSchema.shape.host_key,
  schedule: cronSchema.optional().describe('Default: code each day at two, memory on Sundays at three.'),
  branch: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'branch must be the name of a branch, like main')
    .default('main')
    .describe('Default: main.'),
})

const name = z.string().meta({ pattern: '^[a-z][a-z0-9-]{0,31}$' })

/** `backups.yaml`. An absent file means that nothing is backed up. */
export const backupsSchema = z.strictObject({
  backups: z.record(name, backupSchema).default({}).describe('Encrypted backups with restic, by a name of your own.'),
  git: z.record(name, gitBackupSchema).default({}).describe('What is pushed to other Git repositories, by a name of your own.'),
})
