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

const named = (base: string, extension: string, type: string, body: Uint8Array<ArrayBuffer>): Asset => {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 8)
  return { name: `${base}-${hash}.${extension}`, type, body, gzip: Bun.gzipSync(body, { level: 9 }) }
}

const read = (file: string) => new Uint8Array(readFileSync(file))

/**
 * htmx starts itself a moment after it was loaded, also before the next deferred script. In a file of its own the
 * extension would now and then come too late to be asked, so all scripts are one file.
 */
function scripts(...files: readonly string[]): Uint8Array<ArrayBuffer> {
  const texts = files.map(file => readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, ''))
  return new TextEncoder().encode(texts.join('\n;'))
}

const styles = (...names: readonly string[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(names.map(name => readFileSync(join(own, name), 'utf8')).join('\n'))

/** Read, hashed and compressed once, when the program starts. */
export const assets = {
  style: named('portal', 'css', 'text/css; charset=utf-8', styles('portal.css', 'chat.css')),
  script: named(
    'portal',
    'js',
    'text/javascript; charset=utf-8',
    scripts(join(htmx, 'htmx.min.js'), join(htmx, 'ext', 'hx-sse.min.js'), join(own, 'live.js')),
  ),
  mark: named('mark', 'svg', 'image/svg+xml', read(join(own, 'mark.svg'))),
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
