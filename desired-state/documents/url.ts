import { isIP } from 'node:net'
import type { Upstream } from '../state.ts'
import { whyUnreachable } from './address.ts'
import type { Parsed } from './host.ts'

/** Characters that mean something to nginx or to a terminal, and none that a URL needs unescaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const harmful = /[\u0000-\u0020\u007f-\u009f;{}$"'`\\<>^|]/u

/** Why this text must not reach nginx's configuration, or undefined. */
export function whyHarmful(text: string): string | undefined {
  const character = harmful.exec(text)?.[0]
  if (character === undefined) return undefined
  const code = character.charCodeAt(0)
  const name = code <= 32 || code >= 127 ? (controlNames[character] ?? 'a control character') : character
  const instead =
    code < 128 ? `: leave it out, or write %${code.toString(16).toUpperCase().padStart(2, '0')} in a URL` : ': leave it out'
  return `must not contain ${name}${instead}`
}

const controlNames: Readonly<Record<string, string>> = { ' ': 'a space', '\n': 'a line break', '\t': 'a tab', '\0': 'a NUL' }

export interface Redirect {
  readonly to: string
  readonly host: string
  /** Empty for the protocol's own. */
  readonly port: string
  readonly keepsPath: boolean
}

/** `http://host:port/path` as an upstream. */
export function parseUpstream(text: string): Parsed<Upstream> {
  const parsed = parseHttpUrl(text, 'proxy', 'http://127.0.0.1:9000')
  if ('wrong' in parsed) return parsed
  const url = parsed.ok
  if (/[?#]/.test(text)) return { wrong: 'proxy must end with its path: remove everything from "?" or "#" on' }
  const host = bareHost(url)
  const unreachable = whyUnreachable(host)
  if (unreachable !== undefined) return { wrong: `proxy must not lead to ${host}, which ${unreachable}` }
  if (!isIP(host) && !/^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?$/.test(host))
    return { wrong: `proxy has a host that is no name: ${host}` }
  const protocol = url.protocol === 'https:' ? 'https' : 'http'
  const port = url.port === '' ? (protocol === 'https' ? 443 : 80) : Number(url.port)
  if (port === 0) return { wrong: 'proxy must have a port from 1 to 65535, and has 0' }
  const path = url.pathname === '/' ? '' : url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`
  return { ok: { protocol, host, port, path } }
}

/** An absolute URL as the target of a redirect. Without a path it keeps the path of the request. */
export function parseRedirect(text: string): Parsed<Redirect> {
  const parsed = parseHttpUrl(text, 'redirect', 'https://blog.example.com')
  if ('wrong' in parsed) return parsed
  const url = parsed.ok
  const keepsPath = /^https?:\/\/[^/?#]*$/i.test(text)
  return { ok: { to: keepsPath ? url.origin : url.href, host: bareHost(url), port: url.port, keepsPath } }
}

function parseHttpUrl(text: string, field: string, example: string): Parsed<URL> {
  const harm = whyHarmful(text)
  if (harm !== undefined) return { wrong: `${field} ${harm}` }
  if (!/^https?:\/\/[^/]/i.test(text))
    return { wrong: `${field} must be a URL that begins with http:// or https://, like ${example}` }
  const url = URL.parse(text)
  if (url === null) return { wrong: `${field} is not a URL: write one like ${example}` }
  if (url.username !== '' || url.password !== '' || text.split(/[/?#]/)[2]?.includes('@')) {
    return { wrong: `${field} must not contain a user name or password: this repository is no place for secrets` }
  }
  const host = url.hostname.replace(/\.$/, '')
  const written = text.slice(url.protocol.length + 2).toLowerCase()
  if (isIP(host) === 4 && !new RegExp(`^${RegExp.escape(host)}(?:[:/?#]|$)`).test(written)) {
    const unreachable = whyUnreachable(host)
    const instead = unreachable === undefined ? ': write that' : `, which ${unreachable}`
    return { wrong: `${field} has an unusual form of the address ${host}${instead}` }
  }
  return { ok: url }
}

const bareHost = (url: URL) => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
