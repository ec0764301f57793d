import { z } from 'zod'
import { list } from './engine.ts'

const time = z.string().describe('ISO 8601; empty for never')
export const backupVerb = z.enum(['run', 'verify', 'restore', 'push'])

export const backupRun = z
  .object({
    id: z.string(),
    name: z.string(),
    verb: backupVerb,
    askedBy: z.string(),
    askedAt: time,
    startedAt: time,
    endedAt: time,
    outcome: z.enum(['asked', 'running', 'succeeded', 'failed', 'interrupted']),
    step: z.string().describe('The last thing that was reached'),
    message: z.string(),
  })
  .meta({ id: 'BackupRun' })

export const backup = z
  .object({
    name: z.string(),
    type: z.enum(['restic', 'git']),
    repository: z.string(),
    what: list(z.string()),
    schedule: z.string().describe('As cron has it'),
    next: time.describe('Empty: only by hand'),
    nextTrial: time,
    succeededAt: time,
    bytes: z.number().describe('What the last backup looked at'),
    added: z.number().describe('What of it was new'),
    kept: z.number().int().describe('Backups in the repository'),
    provenAt: time.describe('When a restore was last proven'),
    proof: z.string(),
    doing: z.string().describe('Empty when nothing is done with it'),
    runs: list(backupRun),
  })
  .meta({ id: 'Backup' })

export const snapshot = z
  .object({ snapshot: z.string(), time, hostname: z.string(), backup: z.string().describe('The name that it was made under') })
  .meta({ id: 'Snapshot' })

export type BackupView = z.infer<typeof backup>
export type BackupRunView = z.infer<typeof backupRun>
export type SnapshotView = z.infer<typeof snapshot>
