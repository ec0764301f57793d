import { applianceOf50 } from './overview.tsx'
import type { Figure } from './report.ts'
import { signIn, type Visitor } from './sign-in.ts'

/** Bytes that a browser without a cache gets for the overview: the page and every style and script that it names. */
export async function benchPageWeight(): Promise<Figure> {
  await using appliance = await applianceOf50()
  const { visit } = await signIn(appliance)
  const page = await transferred('/', visit)
  const parts = await Promise.all(
    [...page.text.matchAll(/<(?:script|link rel="stylesheet")[^>]* (?:src|href)="([^"]+)"/g)].map(async ([, path = '']) => ({
      path,
      ...(await transferred(path, visit)),
    })),
  )
  const sizes = { HTML: page.bytes, CSS: sum(parts, '.css'), JS: sum(parts, '.js') }
  return {
    name: 'page weight of the overview with 50 resources: HTML + CSS + JS as transferred, gzip',
    unit: 'KB',
    value: (sizes.HTML + sizes.CSS + sizes.JS) / 1_000,
    bound: 45,
    better: 'lower',
    detail: { 'HTML bytes': sizes.HTML, 'CSS bytes': sizes.CSS, 'JS bytes': sizes.JS },
  }
}

async function transferred(path: string, visit: Visitor['visit']): Promise<{ readonly bytes: number; readonly text: string }> {
  const response = await visit(path)
  const body = await response.arrayBuffer()
  const gzip = response.headers.get('content-encoding') === 'gzip'
  return { bytes: body.byteLength, text: new TextDecoder().decode(gzip ? Bun.gunzipSync(body) : body) }
}

const sum = (parts: readonly { readonly path: string; readonly bytes: number }[], ending: string) =>
  parts.filter(({ path }) => path.endsWith(ending)).reduce((total, { bytes }) => total + bytes, 0)
