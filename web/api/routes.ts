import type { Route } from '../door/route.ts'
import type { PortalDeps } from '../portal/deps.ts'
import { type ChatApiDeps, chatRoutes } from './chat.ts'
import { describingRoutes } from './describing.tsx'
import { type EngineApiDeps, engineRoutes } from './engine.ts'

export type ApiDependencies = EngineApiDeps & ChatApiDeps & PortalDeps

/** What the command line and programs call; each answers JSON and is described at `/api/openapi.json`. */
export function createApiRoutes(deps: ApiDependencies): readonly Route[] {
  const routes = [...engineRoutes(deps), ...chatRoutes(deps)]
  return [...routes, ...describingRoutes({ portal: deps, version: '1', routes })]
}
