import { type ActionRouteDependencies, createActionRoutes } from '../web/agent-socket/actions.ts'
import { type AgentSocketDeps, createAgentSocketRoutes } from '../web/agent-socket/routes.ts'
import { allVerbs, type VerbDeps } from '../web/agent-socket/verbs/all.ts'
import { createVerbRoutes } from '../web/agent-socket/verbs.ts'
import { type ApiDependencies, createApiRoutes } from '../web/api/routes.ts'
import type { Route } from '../web/door/route.ts'
import { createGitRoutes, type GitDependencies } from '../web/git/routes.ts'
import { createHookRoutes, type HookDeps } from '../web/hooks/routes.ts'
import type { PortalDeps } from '../web/portal/deps.ts'
import { createPortalRoutes } from '../web/portal/routes.ts'

export type RouteDependencies = ActionRouteDependencies &
  ApiDependencies &
  GitDependencies &
  HookDeps &
  PortalDeps &
  AgentSocketDeps &
  VerbDeps

/** Every verb of the product; the inventory test walks this list. */
export const createRoutes = (dependencies: RouteDependencies): readonly Route[] => [
  ...createApiRoutes(dependencies),
  ...createActionRoutes(dependencies),
  ...createVerbRoutes(allVerbs(dependencies), dependencies.actions, dependencies.hide),
  ...createGitRoutes(dependencies),
  ...createHookRoutes(dependencies),
  ...createAgentSocketRoutes(dependencies),
  ...createPortalRoutes(dependencies),
]
