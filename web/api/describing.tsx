/** @jsxImportSource hono/jsx */
import type { Route } from '../door/route.ts'
import { Page } from '../portal/components/layout.tsx'
import type { PortalDeps } from '../portal/deps.ts'
import { frameOf } from '../portal/frame.ts'
import { page } from '../portal/reply.ts'
import { type DocumentedRoute, people } from './define.ts'
import { describedRoutes } from './described.ts'
import { openApi } from './openapi.ts'

export interface DescribingDeps {
  readonly portal: PortalDeps
  readonly version: string
  /** Every other route of the API. */
  readonly routes: readonly Route[]
}

const rateLimit = { requests: 60, seconds: 60 }

/** What the API can do: for programs as OpenAPI, for people as a page. */
export function describingRoutes({ portal, version, routes }: DescribingDeps): readonly Route[] {
  const described = describedRoutes(routes)
  return [
    {
      ...{ method: 'GET', path: '/api/openapi.json', policy: people, rateLimit, audit: false },
      handle: ({ url }) =>
        new Response(JSON.stringify(openApi(described, { version, server: url.origin }), null, 2), {
          headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
        }),
    },
    {
      ...{ method: 'GET', path: '/api', policy: ['person'], rateLimit, audit: false },
      handle: call => page(<ApiPage frame={frameOf(call, portal)} routes={described} />),
    },
  ]
}

interface ApiPageProps {
  readonly frame: ReturnType<typeof frameOf>
  readonly routes: readonly DocumentedRoute[]
}

const ApiPage = ({ frame, routes }: ApiPageProps) => (
  <Page frame={frame} title="API" room="account">
    <header class="title">
      <h1>API</h1>
      <p class="lead">
        Everything the portal shows, for programs: <a href="/api/openapi.json">OpenAPI 3.1</a>. What changes comes over the
        WebSocket <code>/api/ws</code>.
      </p>
    </header>
    {[...Map.groupBy(routes, route => route.documentation.tag)].map(([tag, found]) => (
      <section aria-labelledby={`tag-${tag}`}>
        <h2 id={`tag-${tag}`}>{tag}</h2>
        <table class="ledger calls">
          <thead>
            <tr>
              <th scope="col">Call</th>
              <th scope="col">What it does</th>
            </tr>
          </thead>
          <tbody>
            {found.map(route => (
              <tr>
                <th scope="row">
                  <code>
                    {route.method} {route.path}
                  </code>
                </th>
                <td>{route.documentation.summary}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    ))}
  </Page>
)
