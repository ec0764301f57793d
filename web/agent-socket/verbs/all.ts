import { type DatabaseVerbDeps, databaseVerbs } from './databases.ts'
import { type DeployVerbDeps, deployVerbs } from './deploy.ts'
import { type DnsVerbDeps, dnsVerbs } from './dns.ts'
import { domainVerbs } from './domains.ts'
import { type LogVerbDeps, logVerbs } from './logs.ts'
import { type MessageVerbDeps, messageVerbs } from './messages.ts'
import { projectVerbs } from './projects.ts'
import { type StatusVerbDeps, statusVerbs } from './status.ts'
import { type TaskVerbDeps, taskVerbs } from './tasks.ts'
import type { Verb } from './verb.ts'

export type VerbDeps = DeployVerbDeps &
  DnsVerbDeps &
  MessageVerbDeps &
  TaskVerbDeps &
  StatusVerbDeps &
  LogVerbDeps &
  DatabaseVerbDeps

/** Every verb that an agent can ask of the server. */
export const allVerbs = (deps: VerbDeps): readonly Verb[] => [
  ...taskVerbs(deps),
  ...messageVerbs(deps),
  ...projectVerbs(deps),
  ...domainVerbs(deps),
  ...dnsVerbs(deps),
  ...deployVerbs(deps),
  ...statusVerbs(deps),
  ...logVerbs(deps),
  ...databaseVerbs(deps),
]
