import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { backupParts } from '../desired-state/documents/backup-schema.ts'
import { parseLocation } from '../desired-state/documents/backups.ts'
import { chooseRun } from '../reconcilers/backups/perform.ts'
import { type ResticAccess, writeKnownHosts } from '../reconcilers/backups/restic/access.ts'
import { createRestic } from '../reconcilers/backups/restic/restic.ts'
import { fillFolder, refuseFilled } from '../reconcilers/backups/restore/into-place.ts'
import { restoreRun } from '../reconcilers/backups/restore/restore.ts'
import { ourTag, type StoredRun, storedRuns } from '../reconcilers/backups/tags.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import { homeAt } from '../runtime/os/home.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { findPostgres } from '../runtime/services/postgres-program.ts'

export interface RestoreOrder {
  /** As restic spells it. */
  readonly repository: string
  readonly password: string
  /** Beginning of the id of a snapshot; undefined for the newest. */
  readonly snapshot: string | undefined
  /** Empty or absent. */
  readonly into: string
  /** For s3 and rest. */
  readonly keys: { readonly access: string; readonly secret: string } | undefined
  readonly region: string | undefined
  /** For sftp: the public key of the server, and the file of the key that it lets in. */
  readonly hostKey: string | undefined
  readonly identity: string | undefined
  readonly signal: AbortSignal
  readonly progress: (line: string) => void
  /** Called after every step; a test ends the process here. */
  readonly onStep?: (name: string) => void
}

const restoredShape = z.object({
  name: z.string(),
  hostname: z.string(),
  /** ISO 8601 */
  at: z.string(),
  /** Parts that this backup does not have. */
  missing: z.array(z.string()),
  /** Variables to be set again. */
  environment: z.array(z.string()),
})
export type RestoredAppliance = z.infer<typeof restoredShape>

/** Makes an empty folder the home of the appliance that a repository keeps; needs nothing else, and no appliance runs. */
export async function restoreAppliance(order: RestoreOrder): Promise<RestoredAppliance> {
  await refuseFilled(order.into)
  const scratch = await mkdtemp(join(tmpdir(), 'ai-infra-restore-'))
  try {
    const restic = createRestic(await accessOf(order, scratch), spawn, order.signal)
    const run = chooseRun(storedRuns(await restic.snapshots(ourTag)), order.snapshot)
    order.progress(`found ${run.name} of ${run.hostname}, ${run.time.toISOString()}`)
    const step = async (name: string) => order.onStep?.(name)
    const { signal, progress } = order
    const deps = { spawn, signal, progress, step, postgres: () => findPostgres(homeAt(order.into)) }
    const note = await fillFolder(
      order.into,
      async folder => {
        const { manifest } = await restoreRun(restic, run, folder, deps)
        const { name, hostname, at, what, environment } = manifest
        const missing = backupParts.filter(part => !what.includes(part))
        return JSON.stringify({ name, hostname, at, environment, missing } satisfies RestoredAppliance)
      },
      step,
      spawn,
    )
    return note === '' ? withoutNote(run) : restoredShape.parse(JSON.parse(note))
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** What was begun by an appliance itself, or by an older version, left no note. */
const withoutNote = ({ name, hostname, time, postgres }: StoredRun): RestoredAppliance => ({
  ...{ name, hostname, at: time.toISOString(), environment: [] },
  missing: postgres === undefined ? ['postgres'] : [],
})

async function accessOf(order: RestoreOrder, scratch: string): Promise<ResticAccess> {
  const location = parseLocation(order.repository, order.hostKey, order.region)
  if (typeof location === 'string') throw new ApplianceError('invalid', location.replace('host_key', '--host-key'))
  const ssh =
    location.type !== 'sftp' || order.identity === undefined
      ? undefined
      : { identity: order.identity, knownHosts: await writeKnownHosts(scratch, 'restore', location) }
  if (location.type === 'sftp' && ssh === undefined)
    throw new ApplianceError('invalid', 'sftp wants --identity, the file of a key that the server lets in')
  const { password, keys } = order
  return { location, password, keys, ssh, cache: join(scratch, 'cache'), temporary: join(scratch, 'tmp') }
}
