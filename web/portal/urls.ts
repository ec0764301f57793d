/** Every address of the portal, once: `path` is what the door matches, `to` what a page links to. */
const fixed = (path: string) => ({ path, to: () => path })

function by<Name extends string>(path: string, ...names: readonly Name[]) {
  return {
    path,
    to: (...values: readonly string[]): string =>
      names.reduce((text, name, at) => text.replace(`:${name}`, encodeURIComponent(values[at] ?? '')), path),
  }
}

export const urls = {
  overview: fixed('/'),
  overviewLive: fixed('/live/overview'),
  resource: by('/resources/:kind/:key', 'kind', 'key'),
  resourceLive: by('/live/resources/:kind/:key', 'kind', 'key'),
  suspend: by('/resources/:kind/:key/suspend', 'kind', 'key'),
  resume: by('/resources/:kind/:key/resume', 'kind', 'key'),
  chat: fixed('/chat'),
  chatNew: fixed('/chat/new'),
  chatBegin: fixed('/chat/begin'),
  chatThread: by('/chat/:thread', 'thread'),
  chatLive: by('/live/chat/:thread', 'thread'),
  chatSay: by('/chat/:thread/say', 'thread'),
  chatRename: by('/chat/:thread/rename', 'thread'),
  chatForget: by('/chat/:thread/delete', 'thread'),
  chatArchive: by('/chat/:thread/archive', 'thread'),
  chatStop: by('/chat/:thread/stop', 'thread'),
  chatRetry: by('/chat/:thread/retry', 'thread'),
  chatCancel: by('/chat/:thread/cancel', 'thread'),
  chatRate: by('/chat/:thread/rate/:utterance', 'thread', 'utterance'),
  tasks: fixed('/tasks'),
  tasksLive: fixed('/live/tasks'),
  task: by('/tasks/:id', 'id'),
  taskLive: by('/live/tasks/:id', 'id'),
  taskCancel: by('/tasks/:id/cancel', 'id'),
  taskRetry: by('/tasks/:id/retry', 'id'),
  audit: fixed('/audit'),
  auditLive: fixed('/live/audit'),
  api: fixed('/api'),
  auditVerify: fixed('/audit/verify'),
  agents: fixed('/agents'),
  agentsLive: fixed('/live/agents'),
  agent: by('/agents/:name', 'name'),
  agentLive: by('/live/agents/:name', 'name'),
  agentSay: by('/agents/:name/say', 'name'),
  alertSeen: by('/alerts/:id/seen', 'id'),
  agentRestart: by('/agents/:name/restart', 'name'),
  domains: fixed('/domains'),
  domainNew: fixed('/domains/new'),
  domainReview: fixed('/domains/review'),
  domainCommit: fixed('/domains/commit'),
  domainEdit: by('/domains/:host/edit', 'host'),
  domainRemove: by('/domains/:host/remove', 'host'),
  dns: fixed('/dns'),
  dnsZone: by('/dns/:zone', 'zone'),
  secrets: fixed('/secrets'),
  secret: by('/secrets/:name', 'name'),
  secretSet: fixed('/secrets/set'),
  secretRemove: fixed('/secrets/remove'),
  changes: fixed('/changes'),
  change: by('/changes/:revision', 'revision'),
  changeLive: by('/live/changes/:revision', 'revision'),
  changeRestore: by('/changes/:revision/restore', 'revision'),
  upstreamAdopt: fixed('/upstream/adopt'),
  upstreamKeep: fixed('/upstream/keep'),
  upstreamFetch: fixed('/upstream/fetch'),
  approvals: fixed('/approvals'),
  approvalsLive: fixed('/live/approvals'),
  approval: by('/approvals/:id', 'id'),
  approvalApprove: by('/approvals/:id/approve', 'id'),
  approvalDeny: by('/approvals/:id/deny', 'id'),
  approvalAlways: by('/approvals/:id/always', 'id'),
  held: by('/held/:id', 'id'),
  approve: by('/held/:id/approve', 'id'),
  signIn: fixed('/sign-in'),
  signOut: fixed('/sign-out'),
  firstAdmin: fixed('/first-admin'),
  account: fixed('/account'),
  theme: fixed('/theme'),
  asset: by('/assets/:name', 'name'),
  favicon: fixed('/favicon.ico'),
} as const

/** A path of this portal to go back to, or the overview when it is anything else (another host, a scheme, a backslash). */
export function safeReturn(path: string | null | undefined): string {
  if (path == null || !/^\/(?![/\\])[^\\\s]*$/.test(path) || path.length > 500) return urls.overview.to()
  return path
}
