import { join } from 'node:path'
import { quotedPath } from './harmless.ts'
import { ffdhe3072 } from './key-exchange.ts'
import { mimeTypes } from './mime-types.ts'
import type { RenderContext } from './model.ts'

/** Pieces that the sites include, by file name. They stay the same for a version of this program and a home. */
export function renderSnippets(context: RenderContext): ReadonlyMap<string, string> {
  return new Map([
    ['mime-types.conf', mimeTypes],
    ['gzip.conf', gzip],
    ['tls.conf', tls],
    ['ffdhe3072.pem', ffdhe3072],
    ['limits.conf', limits],
    ['security-headers.conf', securityHeaders],
    ['application-headers.conf', applicationHeaders],
    ['application-variables.conf', applicationVariables],
    ['acme.conf', acme(context)],
    ['static.conf', staticFiles],
    ['proxy.conf', proxy],
    ['upgrade.conf', upgrade],
    ['websocket.conf', websocket],
    ['upstream-tls.conf', upstreamTls],
  ])
}

const gzip = `gzip on;
gzip_vary on;
gzip_comp_level 5;
gzip_min_length 1024;
gzip_proxied any;
gzip_types text/plain text/css text/xml text/javascript application/javascript application/json application/manifest+json
  application/xml application/rss+xml application/atom+xml application/wasm image/svg+xml font/ttf font/otf;
`

/**
 * Mozilla's "intermediate" set. No tickets: their key would live as long as nginx. No stapling: Let's Encrypt has no OCSP
 * since 2025, and nginx would ask DNS for a responder's name whenever it reads its configuration.
 */
const tls = `ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305;
ssl_ecdh_curve X25519:prime256v1:secp384r1;
ssl_dhparam snippets/ffdhe3072.pem;
ssl_prefer_server_ciphers off;
ssl_session_cache shared:tls:2m;
ssl_session_timeout 1d;
ssl_session_tickets off;
`

/**
 * For all sites at once. A zone is named after what it counts: a running nginx refuses another key under the same name,
 * which its test does not see. Our own probes are answered before they count; other questions of ours count as one visitor's. */
const limits = `limit_req_zone $binary_remote_addr zone=requests_by_address:2m rate=100r/s;
limit_conn_zone $binary_remote_addr zone=connections_by_address:2m;
limit_req zone=requests_by_address burst=500 nodelay;
limit_req_status 429;
limit_conn connections_by_address 200;
limit_conn_status 429;
`

const securityHeaders = `add_header X-Content-Type-Options nosniff always;
add_header X-Frame-Options SAMEORIGIN always;
add_header Referrer-Policy strict-origin-when-cross-origin always;
`

/** An application that sets one of these itself keeps its own; the first has only one value, and comes from us. */
const applicationHeaders = `add_header X-Content-Type-Options nosniff always;
add_header X-Frame-Options $add_frame_options always;
add_header Referrer-Policy $add_referrer_policy always;
`

/**
 * Only where there is an application: each `map` is a megabyte that nginx fills with zeros whenever it reads its
 * configuration, two milliseconds of every test and of every reload.
 */
const applicationVariables = `map $upstream_http_x_frame_options $add_frame_options { "" SAMEORIGIN; default ""; }
map $upstream_http_referrer_policy $add_referrer_policy { "" strict-origin-when-cross-origin; default ""; }
`

const acme = ({ nginxPrefix }: RenderContext) => `location ^~ /.well-known/acme-challenge/ {
  root ${quotedPath(join(nginxPrefix, 'acme'))};
  default_type text/plain;
  disable_symlinks on;
  try_files $uri =404;
}
`

/** Whoever writes to a web root is not trusted: no links, no hidden files, no listings. */
const staticFiles = `disable_symlinks on from=$document_root;
autoindex off;
etag on;
expires $expiry;
include snippets/security-headers.conf;
location ~ /\\.(?!well-known(?:/|$)) {
  return 404;
}
location / {
  try_files $uri $uri/ =404;
}
`

/** What the visitor sends as X-Forwarded-* is replaced, never appended to. Nothing is held back, so events stream. */
const proxy = `proxy_http_version 1.1;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host_and_port;
proxy_set_header X-Forwarded-Port $server_port;
proxy_set_header Forwarded "";
proxy_set_header Proxy "";
proxy_hide_header X-Content-Type-Options;
proxy_connect_timeout 5s;
proxy_buffering off;
proxy_next_upstream error timeout;
proxy_next_upstream_tries 3;
proxy_next_upstream_timeout 10s;
`

/** Of the server, for the locations in it that include the next one. */
const upgrade = `set $upgrade_or_keep upgrade;
if ($http_upgrade = "") {
  set $upgrade_or_keep "";
}
`

const websocket = `proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $upgrade_or_keep;
`

/** Once for all sites: each `proxy_ssl_trusted_certificate` of a site of its own would parse the whole bundle again. */
const upstreamTls = `proxy_ssl_protocols TLSv1.2 TLSv1.3;
proxy_ssl_verify on;
proxy_ssl_verify_depth 4;
proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
`
