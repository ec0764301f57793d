/** @jsxImportSource hono/jsx */
import type { Call, Identity } from '../door/route.ts'
import type { PortalDeps } from './deps.ts'
import { themeOf } from './frame.ts'
import { page, seeOther } from './reply.ts'
import { Gate, type GateFrame } from './sign-in/pages.tsx'
import { urls } from './urls.ts'

const titles: Readonly<Record<number, string>> = {
  401: 'Sign in first',
  403: 'Not yours to do',
  404: 'Nothing here',
  409: 'That does not fit any more',
  421: 'Wrong name',
  422: 'That cannot be done',
  429: 'Too fast',
  500: 'Something broke',
  503: 'Not yet',
}

/** How a refusal or failure looks in a browser. Somebody who only has to sign in is sent there, and comes back. */
export function renderPortalError(
  status: number,
  message: string,
  request: Request,
  identity: Identity,
  place: PortalDeps['place'],
): Response {
  const url = new URL(request.url)
  if (status === 401 && identity.kind === 'anonymous' && request.headers.get('accept') !== 'application/json') {
    const next = request.method === 'GET' && !url.pathname.startsWith('/live/') ? `${url.pathname}${url.search}` : '/'
    const to = `${urls.signIn.to()}?next=${encodeURIComponent(next)}`
    // htmx would put the sign-in page into a part of this one; this makes it go there instead.
    if (request.headers.get('hx-request') !== null) return new Response(null, { status: 401, headers: { 'hx-redirect': to } })
    return seeOther(to)
  }
  const frame: GateFrame = { hostname: place.hostname, theme: themeOf(request), path: '/' }
  return page(<ErrorPage frame={frame} status={status} message={message} command={place.command} />, status)
}

/** For an address of ours that names something which is not there (any more). */
export const missing = (call: Call, deps: PortalDeps, message: string): Response =>
  renderPortalError(404, message, call.request, call.identity, deps.place)

interface ErrorView {
  readonly frame: GateFrame
  readonly status: number
  readonly message: string
  readonly command: string
}

const ErrorPage = ({ frame, status, message, command }: ErrorView) => (
  <Gate frame={frame} title={titles[status] ?? 'Something went wrong'}>
    <p class="eyebrow">{status}</p>
    <h1>{titles[status] ?? 'Something went wrong'}</h1>
    <p>{message}</p>
    {status >= 500 ? (
      <pre>
        <code>{`${command} doctor`}</code>
      </pre>
    ) : null}
    <p>
      <a href={urls.overview.to()}>Back to the overview</a>
    </p>
  </Gate>
)
