import type { UpstreamRepository } from '../../../desired-state/state.ts'
import type { GitHubAddress } from './client.ts'

/** Where a repository is on GitHub; undefined when it is elsewhere, or without a token that could say anything there. */
export function gitHubAddress({ url, api, token }: Pick<UpstreamRepository, 'url' | 'api' | 'token'>): GitHubAddress | undefined {
  if (token === undefined) return undefined
  const [, host = '', path = ''] = /^(?:[a-z]+:\/\/)?(?:[^@/]+@)?([^/:]+)(?::\d+)?[/:](.+)$/i.exec(url) ?? []
  const base = api ?? (host.toLowerCase() === 'github.com' ? 'https://api.github.com' : undefined)
  const [owner, repo, ...rest] = path
    .replace(/\.git\/?$/, '')
    .split('/')
    .filter(Boolean)
  if (base === undefined || owner === undefined || repo === undefined || rest.length > 0) return undefined
  return { api: base.replace(/\/$/, ''), owner, repo }
}
