import { join } from 'node:path'
import { fileName, quotedPath, serverName } from './harmless.ts'
import type { RenderContext } from './model.ts'
import { httpListeners, httpsListeners, probeLocation, servesApplication, unixSocket } from './render-site.ts'
import { sealed } from './seal.ts'
import { unknownPage } from './unknown-page.ts'

/** What a probe of a host that no site has is answered. */
export const unknownHost = 'unknown-host'

/** nginx.conf: the same whatever the sites are. */
export function renderMain(context: RenderContext): string {
  return sealed(
    'nginx.conf',
    `# Written by the appliance; change domains.yaml instead, edits here are put back.
daemon off;
worker_processes 2;
worker_rlimit_nofile 8192;
worker_shutdown_timeout 10m;
pid ${quotedPath(join(context.run, 'nginx.pid'))};
error_log ${quotedPath(join(context.logs, 'nginx-error.log'))} warn;

events {
  worker_connections 2048;
}

http {
${httpLines(context)
  .map(line => (line === '' ? '' : `  ${line}`))
  .join('\n')}
}
`,
  )
}

function httpLines(context: RenderContext): string[] {
  const { run, logs } = context
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    ...temporary.map(name => `${name}_temp_path ${quotedPath(join(run, `${name}-temp`))};`),
    'log_format by_host \'$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent\'',
    '  \' "$http_referer" "$http_user_agent"\';',
    `access_log ${quotedPath(join(logs, 'nginx-access.log'))} by_host buffer=16k flush=2s;`,
    'include snippets/mime-types.conf;',
    'default_type application/octet-stream;',
    'charset utf-8;',
    'charset_types text/css text/javascript text/plain text/markdown text/csv text/xml text/vtt application/json application/xml;',
    'server_tokens off;',
    'sendfile on;',
    'tcp_nopush on;',
    'keepalive_timeout 30s;',
    'keepalive_requests 10000;',
    'client_header_timeout 15s;',
    'client_body_timeout 30s;',
    'reset_timedout_connection on;',
    // Enough for the longest host name there can be, and for 65,000 of them.
    'server_names_hash_max_size 65536;',
    'server_names_hash_bucket_size 512;',
    'types_hash_max_size 2048;',
    'variables_hash_max_size 2048;',
    'proxy_headers_hash_max_size 1024;',
    'proxy_headers_hash_bucket_size 128;',
    'include snippets/gzip.conf;',
    'include snippets/tls.conf;',
    'include snippets/upstream-tls.conf;',
    'include snippets/limits.conf;',
    'map $sent_http_content_type $expiry { "~^text/html" -1; default $asset_expiry; }',
    '',
    ...defaultHost(context),
    '',
    'include sites.conf;',
  ]
}

/** Whatever asks for a name that no site has. */
function defaultHost(context: RenderContext): string[] {
  const server = (lines: readonly string[]) => ['server {', ...lines.map(line => `  ${line}`), '}']
  return [
    ...server([
      ...httpListeners(context, ' default_server'),
      `listen ${unixSocket(context)} default_server;`,
      'server_name "";',
      'set $asset_expiry -1;',
      ...probeLocation(unknownHost),
      'location / {',
      '  default_type text/html;',
      '  add_header Cache-Control no-store always;',
      `  add_header Content-Security-Policy "default-src 'none'; style-src 'unsafe-inline'" always;`,
      '  include snippets/security-headers.conf;',
      `  return 404 '${unknownPage}';`,
      '}',
    ]),
    ...server([...httpsListeners(context, ' default_server'), 'server_name "";', 'ssl_reject_handshake on;']),
  ]
}

/** What nginx serves: for each host the name of its file in `nginx/sites/`. */
export type SiteIndex = ReadonlyMap<string, string>

export function renderIndex(index: SiteIndex): string {
  const lines = [...index].map(([host, file]) => `include ../../sites/${fileName(file)}; # ${serverName(host)}\n`).sort()
  const variables = [...index.values()].some(servesApplication) ? ['include snippets/application-variables.conf;\n'] : []
  return sealed('sites.conf', [...variables, ...lines].join(''))
}

export function readIndex(text: string): SiteIndex {
  const index = new Map<string, string>()
  for (const [, file, host] of text.matchAll(/^include \.\.\/\.\.\/sites\/([^/\s;]+); # (\S+)$/gm)) {
    if (file !== undefined && host !== undefined) index.set(host, file)
  }
  return index
}
