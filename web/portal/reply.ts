import type { Call } from '../door/route.ts'

/** Anything that renders itself as HTML: an element of hono/jsx. */
export interface Markup {
  toString(): string | Promise<string>
}

/** No inline script or style anywhere, nothing from elsewhere, no frames. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': contentSecurityPolicy,
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
}

/** A whole page. All components are synchronous, so rendering is too. */
export const page = (markup: Markup, status = 200): Response =>
  new Response(`<!doctype html>${render(markup)}`, { status, headers: pageHeaders })

/** A part of a page, for htmx. */
export const fragment = (markup: Markup, status = 200): Response => new Response(render(markup), { status, headers: pageHeaders })

/** After a form: the browser goes on with GET. */
export function seeOther(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store' })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}

export function render(markup: Markup): string {
  const html = markup.toString()
  if (typeof html !== 'string') throw new TypeError('a component of the portal is asynchronous')
  return html
}

/** Whether htmx asks, so that a part of the page is enough. */
export const fromHtmx = (call: Call): boolean => call.request.headers.get('hx-request') === 'true'
