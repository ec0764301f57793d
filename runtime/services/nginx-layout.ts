import { dirname, join } from 'node:path'
import type { Home } from '../os/home.ts'

/** Where nginx's files are below its prefix. */
export interface NginxLayout {
  readonly prefix: string
  /** Link to the generation that a start of nginx reads. */
  readonly current: string
  readonly generations: string
  readonly sites: string
  /** nginx.conf and the snippets, one folder for each version of them. */
  readonly base: string
  readonly certificates: string
  /** Webroot of ACME challenges. */
  readonly acme: string
  /** One file for each site whose removal is under way. */
  readonly removing: string
  /** Folder of nginx's sockets, pid and temporary files. */
  readonly run: string
  readonly accessLog: string
  readonly errorLog: string
}

export function nginxLayout(home: Home): NginxLayout {
  const at = (name: string) => join(home.nginx, name)
  return {
    prefix: home.nginx,
    current: at('current'),
    generations: at('generations'),
    sites: at('sites'),
    base: at('base'),
    certificates: at('certificates'),
    acme: at('acme'),
    removing: at('removing'),
    run: dirname(home.probeSocket),
    accessLog: join(home.logs, 'nginx-access.log'),
    errorLog: join(home.logs, 'nginx-error.log'),
  }
}

/** Path of nginx.conf in a generation, or in what a link to one names. */
export const configurationOf = (generation: string) => join(generation, 'nginx.conf')
