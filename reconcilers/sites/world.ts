import type { Clock } from '../../runtime/os/clock.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Log } from '../../runtime/os/log.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import { type NginxLayout, nginxLayout } from '../../runtime/services/nginx-layout.ts'
import type { NginxControl } from '../../runtime/services/nginx-process.ts'
import { type Certificates, createCertificates } from '../certificates/stored.ts'
import type { DeclaredSite } from './certificates-of.ts'
import { createDeployments, type Deployments } from './deployments.ts'
import { type Base, renderBase } from './generation.ts'
import type { RenderContext } from './model.ts'
import { createRehearsals, type Rehearsals } from './rehearsal.ts'
import { type RenderSite, renderSite } from './render-site.ts'
import { createUpstreams, type Resolve, type Upstreams } from './upstreams.ts'

export interface SitesDependencies {
  readonly home: Home
  readonly ports: { readonly http: number; readonly https: number; readonly portal: number }
  readonly spawn: Spawn
  readonly resolve: Resolve
  readonly clock: Clock
  readonly nginx: NginxControl
  readonly log: Log
  /** Whether nginx listens on IPv6 too. */
  readonly ipv6: boolean
  /** How a site becomes a file; another one only in tests. */
  readonly render?: RenderSite
  readonly nginxProgram?: string
  /** A new release serves, under these names. */
  readonly deployed?: (names: readonly string[]) => void
}

/** All that looking and applying share. */
export interface World extends SitesDependencies {
  readonly layout: NginxLayout
  readonly context: RenderContext
  readonly base: Base
  readonly render: RenderSite
  readonly upstreams: Upstreams
  readonly certificates: Certificates
  readonly deployments: Deployments
  readonly rehearsals: Rehearsals
}

export function createWorld(dependencies: SitesDependencies): World {
  const { home, ports, spawn, resolve, clock } = dependencies
  const layout = nginxLayout(home)
  const context = renderContext(dependencies)
  return {
    ...dependencies,
    layout,
    context,
    base: renderBase(context),
    render: dependencies.render ?? renderSite,
    upstreams: createUpstreams(resolve, clock, ports),
    certificates: createCertificates(layout, spawn, () => clock.now()),
    rehearsals: createRehearsals({ layout, clock }),
    deployments: createDeployments({ home, spawn, clock }),
  }
}

export function renderContext({ home, ports, ipv6 }: Pick<SitesDependencies, 'home' | 'ports' | 'ipv6'>): RenderContext {
  const { run } = nginxLayout(home)
  return { nginxPrefix: home.nginx, www: home.www, logs: home.logs, run, probeSocket: home.probeSocket, ports, ipv6 }
}

/** What a change of a site does, as data. */
export type SiteAction =
  | { readonly type: 'publish'; readonly domain: DeclaredSite; readonly commit: string | undefined }
  /** `root`: web root to archive, when no other domain serves it. */
  | { readonly type: 'remove'; readonly root: string | undefined }
