/** @jsxImportSource hono/jsx */
import { folderFor } from '../../api/backups.ts'
import type { BackupView } from '../../api/shapes/backups.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { BackupPage, type BackupStanding, BackupsPage, type BackupsView, backupsRegions, RestorePage } from './page.tsx'

export function backupRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 20, seconds: 60 } } as const
  return [
    {
      ...reads,
      path: urls.backups.path,
      handle: async call => page(<BackupsPage view={await viewOf(call, deps)} notice={noticeOf(call)} />),
    },
    {
      ...reads,
      path: urls.backupsLive.path,
      handle: call =>
        liveStream(
          call,
          { regions: async () => backupsRegions(await viewOf(call, deps)), subscribe: changed => subscribe(deps, changed) },
          deps,
        ),
    },
    {
      ...reads,
      path: urls.backup.path,
      handle: async call => {
        const backup = await named(call, deps)
        if (backup === undefined) return gone(call, deps)
        const view = { frame: frameOf(call, deps), ...standingOf(deps, backup), now: deps.clock.now() }
        return page(<BackupPage view={view} notice={noticeOf(call)} />)
      },
    },
    {
      ...reads,
      path: urls.backupRestore.path,
      rateLimit: { requests: 20, seconds: 60 },
      handle: async call => {
        const backup = await named(call, deps)
        if (backup?.type !== 'restic') return gone(call, deps)
        const snapshots = await deps.backups.snapshots(backup.name)
        const view = { frame: frameOf(call, deps), backup, snapshots, command: deps.place.command, now: deps.clock.now() }
        return page(<RestorePage view={view} />)
      },
    },
    { ...writes, path: urls.backupRun.path, audit: 'backup.run', handle: call => ask(call, deps, 'run') },
    { ...writes, path: urls.backupVerify.path, audit: 'backup.verify', handle: call => ask(call, deps, 'verify') },
    { ...writes, path: urls.backupRestore.path, audit: 'backup.restore', handle: call => restore(call, deps) },
  ]
}

const gone = (call: Call, deps: PortalDeps) =>
  missing(call, deps, 'There is no such backup. It may have been removed by a newer commit.')

const named = async (call: Call, { backups }: PortalDeps): Promise<BackupView | undefined> =>
  (await backups.list()).find(({ name }) => name === call.params.name)

const standingOf = ({ engine }: PortalDeps, backup: BackupView): BackupStanding => ({
  backup,
  status: engine.resource('backup', backup.name),
})

async function viewOf(call: Call, deps: PortalDeps): Promise<BackupsView> {
  const backups = (await deps.backups.list()).map(backup => standingOf(deps, backup))
  return { frame: frameOf(call, deps), backups, cloneCommand: deps.place.cloneCommand, now: deps.clock.now() }
}

function subscribe(deps: PortalDeps, changed: () => void): () => void {
  const stops = [subscribeToFrame(deps, changed), deps.backups.subscribe(changed)]
  return () => {
    for (const stop of stops) stop()
  }
}

async function ask(call: Call, deps: PortalDeps, verb: 'run' | 'verify'): Promise<Response> {
  const backup = await named(call, deps)
  if (backup === undefined) return gone(call, deps)
  await deps.backups.ask(backup.name, verb, nameOf(call.identity))
  return seeOther(withNotice(urls.backup.to(backup.name), 'backup-asked'))
}

async function restore(call: Call, deps: PortalDeps): Promise<Response> {
  const backup = await named(call, deps)
  if (backup?.type !== 'restic') return gone(call, deps)
  const snapshot = (await readForm(call.request)).get('snapshot')
  if (!/^[0-9a-f]{8,64}$/.test(snapshot)) return gone(call, deps)
  const into = folderFor(deps.home, backup.name, { snapshot }, call.identity)
  await deps.backups.ask(backup.name, 'restore', nameOf(call.identity), { snapshot, into })
  return seeOther(withNotice(urls.backup.to(backup.name), 'backup-restoring'))
}
