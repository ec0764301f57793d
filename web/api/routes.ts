import type { Route } from '../door/route.ts'
import { type EngineApiDeps, engineRoutes } from './engine.ts'

export type ApiDependencies = EngineApiDeps

/** What the command line and programs call; each answers JSON and is described at `/api/openapi.json`. */
export const createApiRoutes = (deps: ApiDependencies): readonly Route[] => [...engineRoutes(deps)]
