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
  agents: fixed('/agents'),
  agentsLive: fixed('/live/agents'),
  agent: by('/agents/:name', 'name'),
  agentLive: by('/live/agents/:name', 'name'),
  agentSay: by('/agents/:name/say', 'name'),
  agentRestart: by('/agents/:name/restart', 'name'),
  domains: fixed('/domains'),
  domainNew: fixed('/domains/new'),
  domainReview: fixed('/domains/review'),
  domainCommit: fixed('/domains/commit'),
  domainEdit: by('/domains/:host/edit', 'host'),
  domainRemove: by('/domains/:host/remove', 'host'),
  changes: fixed('/changes'),
  change: by('/changes/:revision', 'revision'),
  changeLive: by('/live/changes/:revision', 'revision'),
  changeRestore: by('/changes/:revision/restore', 'revision'),
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
