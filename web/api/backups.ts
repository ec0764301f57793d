import { isAbsolute, join, normalize } from 'node:path'
import { z } from 'zod'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import { nameOf } from '../door/door.ts'
import type { Identity } from '../door/route.ts'
import { type DocumentedRoute, isId, notFound, people, reads, writes } from './define.ts'
import { type BackupRunView, type BackupView, backup, backupRun, type SnapshotView, snapshot } from './shapes/backups.ts'
import { list } from './shapes/engine.ts'

/** What may be asked of the backups. */
export interface BackupDesk {
  list(): Promise<readonly BackupView[]>
  snapshots(name: string): Promise<readonly SnapshotView[]>
  /** Has it done as soon as nothing else is; gives the id of the run. Throws `invalid` for a backup that is not declared. */
  ask(name: string, verb: 'run' | 'verify' | 'restore', by: string, facts?: Readonly<Record<string, string>>): Promise<string>
  run(id: string): Promise<BackupRunView | undefined>
  /** The key that servers of sftp and Git have to let in; undefined before it was needed. */
  publicKey(): Promise<string | undefined>
  subscribe(listener: () => void): () => void
}

export interface BackupsApiDeps {
  readonly backups: BackupDesk
  readonly home: Home
}

const tag = 'backups'
const asked = z.object({ run: z.string().describe('Ask for it at /api/backup-runs/ID') })
const restoreBody = z.strictObject({
  snapshot: z
    .string()
    .regex(/^[0-9a-f-]{4,64}$|^latest$/)
    .optional()
    .describe('Beginning of its id; default the newest'),
  into: z
    .string()
    .max(500)
    .optional()
    .describe('Empty folder, for the operator only; default: below backups/restored of the home'),
})

/** Backups: how they stand, what is in them, and having them made, tried out and given back. */
export function backupsRoutes({ backups, home }: BackupsApiDeps): readonly DocumentedRoute[] {
  const few = { requests: 20, seconds: 60 }
  return [
    reads({
      ...{ path: '/api/backups', policy: people, tag, answer: list(backup) },
      summary: 'Every backup that is declared',
      handle: () => backups.list(),
    }),
    reads({
      ...{ path: '/api/backups/:name/snapshots', policy: people, tag, answer: list(snapshot), rateLimit: few },
      summary: 'What is in the repository of a backup, newest first',
      handle: ({ param }) => backups.snapshots(param('name')),
    }),
    reads({
      ...{ path: '/api/backup-runs/:id', policy: people, tag, answer: backupRun },
      summary: 'How far something has come that was asked for',
      handle: async ({ param }) =>
        (isId(param('id')) ? await backups.run(param('id')) : undefined) ??
        notFound('there is no such run', 'GET /api/backups lists them'),
    }),
    reads({
      ...{ path: '/api/backup-key', policy: people, tag, answer: z.object({ key: z.string() }) },
      summary: 'The public key that servers of sftp and Git have to let in; empty before it was needed',
      handle: async () => ({ key: (await backups.publicKey()) ?? '' }),
    }),
    writes({
      ...{ path: '/api/backups/:name/run', policy: people, audit: 'backup.run', tag, answer: asked, rateLimit: few },
      summary: 'Make a backup now',
      handle: async ({ param, call }) => ({ run: await backups.ask(param('name'), 'run', nameOf(call.identity)) }),
    }),
    writes({
      ...{ path: '/api/backups/:name/verify', policy: people, audit: 'backup.verify', tag, answer: asked, rateLimit: few },
      summary: 'Check the repository, and try out a restore',
      handle: async ({ param, call }) => ({ run: await backups.ask(param('name'), 'verify', nameOf(call.identity)) }),
    }),
    writes({
      ...{ path: '/api/backups/:name/restore', policy: people, audit: 'backup.restore', tag, answer: asked, rateLimit: few },
      body: restoreBody,
      summary: 'Give a whole home back into an empty folder; nothing that is there is touched',
      async handle({ param, body, call }) {
        const name = param('name')
        const facts = {
          into: folderFor(home, name, body, call.identity),
          ...(body.snapshot === undefined ? {} : { snapshot: body.snapshot }),
        }
        return { run: await backups.ask(name, 'restore', nameOf(call.identity), facts) }
      },
    }),
  ]
}

/** Where a restore goes. What it gives back holds every secret, so inside the home there is one place for it. */
export function folderFor(
  home: Home,
  name: string,
  { snapshot: wanted, into }: z.infer<typeof restoreBody>,
  identity: Identity,
): string {
  const restored = join(home.backups, 'restored')
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw new ApplianceError('invalid', 'there is no backup of that name')
  if (into === undefined) return join(restored, `${name}-${wanted ?? 'latest'}`)
  if (identity.kind !== 'operator')
    throw new ApplianceError('invalid', 'another folder can only be named on the command line', { hint: 'leave into away' })
  const folder = normalize(into).replace(/\/+$/, '')
  if (!isAbsolute(into) || folder === '') throw new ApplianceError('invalid', 'into must be an absolute path')
  if (
    (folder === home.root || folder.startsWith(`${home.root}/`) || home.root.startsWith(`${folder}/`)) &&
    !folder.startsWith(`${restored}/`)
  )
    throw new ApplianceError('invalid', `${folder} is part of this appliance, and nothing is restored over it`, {
      hint: `name a folder elsewhere, or below ${restored}`,
    })
  return folder
}
