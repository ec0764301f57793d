import type { Route } from '../door/route.ts'
import { agentRoutes } from './agents/routes.tsx'
import { approvalRoutes } from './approvals/routes.tsx'
import { assetResponse, assets } from './assets.ts'
import { auditRoutes } from './audit/routes.tsx'
import { backupRoutes } from './backups/routes.tsx'
import { changeRoutes } from './changes/routes.tsx'
import { chatRoutes } from './chat/routes.tsx'
import type { PortalDeps } from './deps.ts'
import { dnsPageRoutes } from './dns/routes.tsx'
import { domainRoutes } from './domains/routes.tsx'
import { heldRoutes } from './held/routes.tsx'
import { watchLately } from './overview/lately.ts'
import { overviewRoutes } from './overview/routes.tsx'
import { resourceRoutes } from './resource/routes.tsx'
import { secretRoutes } from './secrets/routes.tsx'
import { signInRoutes } from './sign-in/routes.tsx'
import { taskRoutes } from './tasks/routes.tsx'
import { upstreamPages } from './upstream/routes.tsx'
import { urls } from './urls.ts'

/** Every route of the portal, for the door. */
export function createPortalRoutes(deps: PortalDeps): readonly Route[] {
  const lately = watchLately(deps.engine, deps.clock)
  return [
    ...overviewRoutes(deps, lately),
    ...chatRoutes(deps),
    ...taskRoutes(deps),
    ...auditRoutes(deps),
    ...approvalRoutes(deps),
    ...resourceRoutes(deps),
    ...agentRoutes(deps),
    ...domainRoutes(deps),
    ...dnsPageRoutes(deps),
    ...secretRoutes(deps),
    ...backupRoutes(deps),
    ...changeRoutes(deps),
    ...upstreamPages(deps),
    ...heldRoutes(deps),
    ...signInRoutes(deps),
    ...assetRoutes(),
  ]
}

function assetRoutes(): readonly Route[] {
  const open = {
    method: 'GET',
    policy: ['anonymous', 'person'],
    rateLimit: { requests: 1_200, seconds: 60 },
    audit: false,
  } as const
  const missing = () => new Response('There is no such file.', { status: 404 })
  return [
    { ...open, path: urls.asset.path, handle: call => assetResponse(call.params.name ?? '', call.request) ?? missing() },
    { ...open, path: urls.favicon.path, handle: call => assetResponse(assets.mark.name, call.request) ?? missing() },
  ]
}
