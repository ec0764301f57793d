import type { Route } from '../door/route.ts'
import type { PortalDeps } from '../portal/deps.ts'
import { type AgentsApiDeps, agentsRoutes } from './agents.ts'
import { type ApprovalRouteDependencies, createApprovalRoutes } from './approvals.ts'
import { type AuditRouteDependencies, createAuditRoutes } from './audit.ts'
import { type BackupsApiDeps, backupsRoutes } from './backups.ts'
import { type CertificatesApiDeps, certificatesRoutes } from './certificates.ts'
import { type ChatApiDeps, chatRoutes } from './chat.ts'
import { type DeadLettersApiDeps, deadLetterRoutes } from './dead-letters.ts'
import { describingRoutes } from './describing.tsx'
import { type DnsApiDeps, dnsRoutes } from './dns.ts'
import { type DomainsApiDeps, domainsRoutes } from './domains.ts'
import { type EngineApiDeps, engineRoutes } from './engine.ts'
import { type LiveApiDeps, liveRoute } from './live/route.ts'
import { type SecretsApiDeps, secretsRoutes } from './secrets.ts'
import { type TasksApiDeps, tasksRoutes } from './tasks.ts'
import { type UpstreamApiDeps, upstreamRoutes } from './upstream.ts'

export type ApiDependencies = DnsApiDeps &
  EngineApiDeps &
  ApprovalRouteDependencies &
  AuditRouteDependencies &
  CertificatesApiDeps &
  ChatApiDeps &
  DeadLettersApiDeps &
  AgentsApiDeps &
  TasksApiDeps &
  DomainsApiDeps &
  SecretsApiDeps &
  BackupsApiDeps &
  LiveApiDeps &
  UpstreamApiDeps &
  PortalDeps

/** What the command line and programs call; each answers JSON and is described at `/api/openapi.json`. */
export function createApiRoutes(deps: ApiDependencies): readonly Route[] {
  const routes = [
    ...engineRoutes(deps),
    ...agentsRoutes(deps),
    ...tasksRoutes(deps),
    ...backupsRoutes(deps),
    ...certificatesRoutes(deps),
    ...chatRoutes(deps),
    ...deadLetterRoutes(deps),
    ...domainsRoutes(deps),
    ...secretsRoutes(deps),
    ...createApprovalRoutes(deps),
    ...createAuditRoutes(deps),
    ...dnsRoutes(deps),
    ...upstreamRoutes(deps),
  ]
  return [...routes, liveRoute(deps), ...describingRoutes({ portal: deps, version: '1', routes })]
}
