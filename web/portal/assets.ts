import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file that browsers may keep for ever: its name changes with its content. */
export interface Asset {
  /** `portal-3f9a01bc.css` */
  readonly name: string
  readonly type: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly gzip: Uint8Array<ArrayBuffer>
}

const htmx = join(import.meta.dir, '..', '..', 'node_modules', 'htmx.org', 'dist')
const own = join(import.meta.dir, 'assets')

const load = (file: string, type: string): Asset => {
  const body = new Uint8Array(readFileSync(file))
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 8)
  const base = file.slice(file.lastIndexOf('/') + 1).replace('.min.', '.')
  const dot = base.lastIndexOf('.')
  return { name: `${base.slice(0, dot)}-${hash}${base.slice(dot)}`, type, body, gzip: Bun.gzipSync(body, { level: 9 }) }
}

const script = 'text/javascript; charset=utf-8'

/** Read, hashed and compressed once, when the program starts. */
export const assets = {
  style: load(join(own, 'portal.css'), 'text/css; charset=utf-8'),
  htmx: load(join(htmx, 'htmx.min.js'), script),
  sse: load(join(htmx, 'ext', 'hx-sse.min.js'), script),
  live: load(join(own, 'live.js'), script),
  mark: load(join(own, 'mark.svg'), 'image/svg+xml'),
} as const

const byName = new Map(Object.values(assets).map(asset => [asset.name, asset]))

/** One asset as a response, or undefined for a name that no page of this version uses. */
export function assetResponse(name: string, request: Request): Response | undefined {
  const asset = byName.get(name)
  if (asset === undefined) return undefined
  const compressed = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
  return new Response(compressed ? asset.gzip : asset.body, {
    headers: {
      'content-type': asset.type,
      ...(compressed ? { 'content-encoding': 'gzip' } : {}),
      vary: 'accept-encoding',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    },
  })
}
