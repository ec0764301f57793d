import { type AgentSocketDeps, createAgentSocketRoutes } from '../web/agent-socket/routes.ts'
import { type ApiDependencies, createApiRoutes } from '../web/api/routes.ts'
import type { Route } from '../web/door/route.ts'
import { createGitRoutes, type GitDependencies } from '../web/git/routes.ts'
import type { PortalDeps } from '../web/portal/deps.ts'
import { createPortalRoutes } from '../web/portal/routes.ts'

export type RouteDependencies = ApiDependencies & GitDependencies & PortalDeps & AgentSocketDeps

/** Every verb of the product; the inventory test walks this list. */
export const createRoutes = (dependencies: RouteDependencies): readonly Route[] => [
  ...createApiRoutes(dependencies),
  ...createGitRoutes(dependencies),
  ...createAgentSocketRoutes(dependencies),
  ...createPortalRoutes(dependencies),
]
