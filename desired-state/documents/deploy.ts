import { whyUnreachable } from './address.ts'
import type { Parsed } from './host.ts'
import { whyHarmful } from './url.ts'

const examples = 'https://github.com/me/site.git, ssh://git@host/site.git, git@host:site.git or /srv/site.git'

/** A Git repository that is fetched without running what its name says: no `ext::`, no option, no secret. */
export function parseRepo(text: string): Parsed<string> {
  const harm = whyHarmful(text)
  if (harm !== undefined) return { wrong: `repo ${harm}` }
  if (text.startsWith('-')) return { wrong: `repo must not begin with "-": write ${examples}` }
  if (text.startsWith('/')) return parsePath(text)
  if (/^[a-z0-9+.-]*::/i.test(text)) return { wrong: `repo must not name a transport program ("::"): write ${examples}` }
  if (text.toLowerCase().startsWith('file:'))
    return { wrong: `repo is a file: URL: write the absolute path itself, like /srv/site.git` }
  return text.includes('://') ? parseUrl(text) : parseScp(text)
}

function parsePath(text: string): Parsed<string> {
  if (text.split('/').some(part => part === '..' || part === '.')) return { wrong: 'repo must be a path without "." and ".."' }
  return text.startsWith('//') ? { wrong: 'repo begins with two slashes: write one' } : { ok: text }
}

function parseUrl(text: string): Parsed<string> {
  const url = URL.parse(text)
  if (url === null || !['https:', 'ssh:', 'git:'].includes(url.protocol) || url.hostname === '') {
    return { wrong: `repo must be an address that Git can fetch: ${examples}` }
  }
  if (url.password !== '' || (url.protocol !== 'ssh:' && url.username !== '')) {
    return { wrong: 'repo must not contain a user name or password: this repository is no place for secrets' }
  }
  if (/^-|^%2d/i.test(url.username)) return { wrong: 'repo has a user name that begins with "-"' }
  return reachable(url.hostname, text)
}

function parseScp(text: string): Parsed<string> {
  const match = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!-)[^:]+$/.exec(text)
  const host = match?.[1]
  return host === undefined ? { wrong: `repo must be an address that Git can fetch: ${examples}` } : reachable(host, text)
}

function reachable(host: string, text: string): Parsed<string> {
  if (!/^(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-f:.]+\])$/.test(host)) return { wrong: `repo has a host that is no name: ${host}` }
  const unreachable = whyUnreachable(URL.parse(`http://${host}`)?.hostname ?? host)
  return unreachable === undefined ? { ok: text } : { wrong: `repo must not lead to ${host}, which ${unreachable}` }
}
