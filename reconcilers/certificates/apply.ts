import { join } from 'node:path'
import type { ApplyContext } from '../engine/reconciler.ts'
import { hostFolder } from '../sites/harmless.ts'
import { archiveName, moveToArchive } from '../sites/web-roots.ts'
import { hideLeftovers, obtain } from './obtain.ts'
import { endOrphans } from './orphans.ts'
import { foldersOf } from './places.ts'
import type { CertificateAction } from './plan.ts'
import { type RevokeDeps, revoke, revokeLeft } from './revoke.ts'

export type ApplyDeps = RevokeDeps

export async function applyCertificate(
  deps: ApplyDeps,
  host: string,
  action: CertificateAction,
  context: ApplyContext,
): Promise<void> {
  await context.step('begin')
  if (action.type !== 'obtain') await context.settled?.()
  switch (action.type) {
    case 'forget':
      await hideLeftovers(deps, host, context.signal)
      await forget(deps, host)
      await closeRenewal(deps, host)
      return context.step('archived')
    case 'hide':
      await hideLeftovers(deps, host, context.signal)
      return context.step('hidden')
    case 'obtain':
      await obtain(deps, action, context)
      return closeRenewal(deps, host)
    case 'revoke':
      return revoke(deps, action, context)
    case 'revoke-left':
      return revokeLeft(deps, action, context)
  }
}

/** What was asked for is done, whichever certificate it was asked of. */
async function closeRenewal({ requests }: ApplyDeps, host: string): Promise<void> {
  const request = (await requests.open()).get(host)
  if (request?.action.type === 'renew') await requests.close(request, 'renew')
}

/** Keys and chains move to the archive; nothing of them is deleted. */
async function forget({ home, places, clock }: ApplyDeps, host: string): Promise<void> {
  for (const folder of await foldersOf(places, host)) {
    await endOrphans(join(folder, 'config'))
    await moveToArchive(home, folder, archiveName(`certbot-${hostFolder(host)}`, clock.now()))
  }
}
