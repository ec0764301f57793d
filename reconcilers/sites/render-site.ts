import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import {
  fileName,
  hexDigits,
  hostFolder,
  ipAddress,
  plainUrl,
  quotedPath,
  relativePath,
  serverName,
  upstreamHost,
  urlPath,
  wholeNumber,
} from './harmless.ts'
import { type RenderContext, type SiteContent, type SiteModel, shortened } from './model.ts'
import { sealed } from './seal.ts'

/** The text of a site's file, complete with its seal. */
export interface RenderedSite {
  readonly host: string
  /** Below `nginx/sites/`; changes with the content. */
  readonly file: string
  /** What the site answers to a probe. */
  readonly fingerprint: string
  readonly text: string
}

/** Path of a probe; only the Unix socket gets an answer. */
export const probePath = '/.well-known/ai-infrastructure'

export type RenderSite = (model: SiteModel, context: RenderContext) => RenderedSite

/** Pure. Throws on a string that is not harmless in nginx's grammar. */
export const renderSite: RenderSite = (model, context) => {
  const fingerprint = createHash('sha256')
    .update(body(model, context, ''))
    .digest('hex')
    .slice(0, 16)
  const text = sealed(`site ${serverName(model.host)}`, `# ${JSON.stringify(model)}\n${body(model, context, fingerprint)}`)
  return { host: model.host, file: siteFileName(model, fingerprint), fingerprint, text }
}

/** A name tells whether the site passes requests on to an application. */
export const siteFileName = ({ host, content }: Pick<SiteModel, 'host' | 'content'>, fingerprint: string) =>
  `${shortened(host)}-${fingerprint.slice(0, 12)}${content.kind === 'proxy' || content.kind === 'portal' ? applicationEnding : '.conf'}`

const applicationEnding = '.application.conf'

export const servesApplication = (file: string): boolean => file.endsWith(applicationEnding)

/** The first digits of a site's fingerprint, from the name of its file. */
export const fingerprintStart = (file: string) => file.slice(-'.conf'.length - 12, -'.conf'.length)

function body(model: SiteModel, context: RenderContext, fingerprint: string): string {
  const { apart = [], hsts, ...site } = model
  const server = (lines: readonly string[]) => `\nserver {\n${indent(lines)}\n}\n`
  const serving = (names: readonly string[], own: Pick<SiteModel, 'certificate' | 'hsts'>) => {
    const shown: SiteModel = { ...site, ...own }
    return [
      ...mainListeners(shown, context),
      `server_name ${names.map(serverName).join(' ')};`,
      ...certificateLines(shown, context),
      ...strictTransport(shown),
      'include snippets/acme.conf;',
      ...probeLocation(fingerprint),
      ...contentLines(shown, context),
    ]
  }
  const names = [site.host, ...site.aliases]
  const main = names.filter(name => !apart.some(each => each.names.includes(name)))
  const servers = [
    serving(main, { certificate: site.certificate, ...(hsts === undefined ? {} : { hsts }) }),
    ...apart.map(({ names: own, ...rest }) => serving(own, rest)),
    ...(site.certificate === undefined ? [] : [redirecting(names, context)]),
  ]
  return `${upstreamBlock(model)}${servers.map(server).join('')}`
}

const redirecting = (names: readonly string[], context: RenderContext) => [
  ...httpListeners(context),
  `server_name ${names.map(serverName).join(' ')};`,
  'include snippets/acme.conf;',
  ...toHttps(context),
]

const indent = (lines: readonly string[]) => lines.map(line => (line === '' ? '' : `  ${line}`)).join('\n')

const block = (head: string, lines: readonly string[]) => [`${head} {`, ...lines.map(line => `  ${line}`), '}']

function mainListeners(model: SiteModel, context: RenderContext): string[] {
  const open = model.certificate === undefined ? httpListeners(context) : httpsListeners(context)
  return [...open, `listen ${unixSocket(context)};`]
}

export const unixSocket = (context: RenderContext) => `"unix:${quotedPath(context.probeSocket).slice(1)}`

export function httpListeners({ ports, ipv6 }: RenderContext, suffix = ''): string[] {
  const port = wholeNumber(ports.http, 1, 65_535)
  return [`listen ${port}${suffix};`, ...(ipv6 ? [`listen [::]:${port}${suffix};`] : [])]
}

export function httpsListeners({ ports, ipv6 }: RenderContext, suffix = ''): string[] {
  const port = wholeNumber(ports.https, 1, 65_535)
  return [`listen ${port} ssl http2${suffix};`, ...(ipv6 ? [`listen [::]:${port} ssl http2${suffix};`] : [])]
}

function certificateLines({ host, certificate }: SiteModel, context: RenderContext): string[] {
  if (certificate === undefined) return []
  const folder = certificateFolder(context.nginxPrefix, host, certificate)
  return [
    `ssl_certificate ${quotedPath(join(folder, 'certificate.pem'))};`,
    `ssl_certificate_key ${quotedPath(join(folder, 'key.pem'))};`,
  ]
}

/** RFC 6797. Only from a certificate that browsers trust, which is what it asks of them from then on. */
function strictTransport({ hsts }: Pick<SiteModel, 'hsts'>): string[] {
  if (hsts === undefined) return []
  const words = [
    `max-age=${wholeNumber(hsts.seconds, 0, 63_072_000)}`,
    ...(hsts.subdomains ? ['includeSubDomains'] : []),
    ...(hsts.preload ? ['preload'] : []),
  ]
  return [`add_header Strict-Transport-Security "${words.join('; ')}" always;`]
}

export const certificateFolder = (prefix: string, host: string, id: string) =>
  join(prefix, 'certificates', hostFolder(host), hexDigits(id))

/** `return` comes before `allow` and `deny` in nginx's order, so a condition guards it. */
export const probeLocation = (fingerprint: string) =>
  block(`location = ${probePath}`, [
    'access_log off;',
    'default_type text/plain;',
    'if ($remote_addr != "unix:") { return 404; }',
    `return 200 "${fingerprint}";`,
  ])

function toHttps({ ports }: RenderContext): string[] {
  const port = ports.https === 443 ? '' : `:${wholeNumber(ports.https, 1, 65_535)}`
  return block('location /', [`return 308 https://$host${port}$request_uri;`])
}

function contentLines(model: SiteModel, context: RenderContext): string[] {
  const { content } = model
  switch (content.kind) {
    case 'static':
      return staticLines(content, context)
    case 'proxy':
      return [...hostAndPort(model, context), ...proxyLines(model, content)]
    case 'redirect':
      return redirectLines(content)
    case 'portal':
      return [...hostAndPort(model, context), ...portalLines(model, context)]
  }
}

type Content<Kind extends SiteContent['kind']> = Extract<SiteContent, { kind: Kind }>

function staticLines(content: Content<'static'>, { www }: RenderContext): string[] {
  const notFound = content.notFound === undefined ? [] : [`error_page 404 /${relativePath(content.notFound)};`]
  const seconds = wholeNumber(content.cacheSeconds, 0, 315_360_000)
  return [
    `root ${quotedPath(join(www, relativePath(content.root)))};`,
    `index ${content.index.map(fileName).join(' ')};`,
    ...notFound,
    `set $asset_expiry ${seconds === '0' ? '-1' : `${seconds}s`};`,
    'include snippets/static.conf;',
  ]
}

function redirectLines({ to, keepsPath, status }: Content<'redirect'>): string[] {
  const target = `${plainUrl(to)}${keepsPath ? '$request_uri' : ''}`
  return [
    'include snippets/security-headers.conf;',
    ...block('location /', [`return ${wholeNumber(status, 301, 308)} "${target}";`]),
  ]
}

/** What visitors type: the port is named where it is not the usual one. */
function hostAndPort({ certificate }: SiteModel, { ports }: RenderContext): string[] {
  const [port, usual] = certificate === undefined ? [ports.http, 80] : [ports.https, 443]
  return [`set $host_and_port $host${port === usual ? '' : `:${wholeNumber(port, 1, 65_535)}`};`]
}

/** There is one such header, and it is ours. */
const ownTransport = ({ hsts }: SiteModel) => (hsts === undefined ? [] : ['proxy_hide_header Strict-Transport-Security;'])

function portalLines(model: SiteModel, { ports }: RenderContext): string[] {
  return [
    'include snippets/application-headers.conf;',
    'include snippets/upgrade.conf;',
    'client_max_body_size 16m;',
    ...block('location /', [
      'include snippets/proxy.conf;',
      'include snippets/websocket.conf;',
      ...ownTransport(model),
      'proxy_read_timeout 3600s;',
      'proxy_set_header Host $host_and_port;',
      `proxy_pass http://127.0.0.1:${wholeNumber(ports.portal, 1, 65_535)};`,
    ]),
  ]
}

const upstreamName = (host: string) => `site-${hostFolder(host)}`

function upstreamBlock({ host, content }: SiteModel): string {
  if (content.kind !== 'proxy') return ''
  const port = wholeNumber(content.port, 1, 65_535)
  const servers = content.addresses.map(address => `server ${ipAddress(address)}:${port} max_fails=3 fail_timeout=10s;`)
  return `\nupstream ${upstreamName(host)} {\n${indent([...servers, 'keepalive 8;'])}\n}\n`
}

function proxyLines(model: SiteModel, content: Content<'proxy'>): string[] {
  const seconds = wholeNumber(content.timeoutSeconds, 1, 86_400)
  return [
    'include snippets/application-headers.conf;',
    ...(content.websocket ? ['include snippets/upgrade.conf;'] : []),
    `client_max_body_size ${wholeNumber(content.bodyMebibytes, 1, 1_048_576)}m;`,
    ...block('location /', [
      'include snippets/proxy.conf;',
      content.websocket ? 'include snippets/websocket.conf;' : 'proxy_set_header Connection "";',
      `proxy_read_timeout ${seconds}s;`,
      `proxy_send_timeout ${seconds}s;`,
      ...ownTransport(model),
      ...upstreamIdentity(content),
      `proxy_pass ${content.protocol}://${upstreamName(model.host)}${passedPath(content.path)};`,
    ]),
  ]
}

/** An upstream over TLS with a name is asked by that name; every other one sees the name that the visitor typed. */
function upstreamIdentity({ protocol, upstream, port }: Content<'proxy'>): string[] {
  if (protocol === 'http') return ['proxy_set_header Host $host_and_port;']
  if (isIP(upstream) !== 0 || upstream === 'localhost') {
    return ['proxy_set_header Host $host_and_port;', ...(isLoopback(upstream) ? ['proxy_ssl_verify off;'] : [])]
  }
  const name = upstreamHost(upstream)
  const authority = port === 443 ? name : `${name}:${wholeNumber(port, 1, 65_535)}`
  return [
    `proxy_set_header Host ${authority};`,
    'proxy_ssl_server_name on;',
    `proxy_ssl_name ${name};`,
    `proxy_redirect https://${authority}/ /;`,
  ]
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.')

function passedPath(path: string): string {
  if (path === '' || path === '/') return ''
  return urlPath(path.endsWith('/') ? path : `${path}/`)
}
