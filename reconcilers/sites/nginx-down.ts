import { readFileSync } from 'node:fs'
import { describeHolder, portHolder } from '../../runtime/os/listeners.ts'
import type { World } from './world.ts'

/** Why nobody answers on the probe socket, as a sentence. */
export function whyDown({ nginx, ports, layout }: Pick<World, 'nginx' | 'ports' | 'layout'>): string {
  if (nginx.pid() !== undefined) return 'nginx runs, but does not answer yet'
  for (const [name, port] of [['AI_INFRA_HTTP_PORT', ports.http] as const, ['AI_INFRA_HTTPS_PORT', ports.https] as const]) {
    const holder = portHolder(port)
    if (holder !== undefined)
      return `nginx is not running: port ${port} is taken by ${describeHolder(holder)}; stop it, or set ${name} to a free port`
  }
  return `nginx is not running; it is started again by itself. What it said last is in ${layout.errorLog}`
}

/** What nginx wrote to its error log since it had `from` bytes: its complaints, one a line, without times. */
export function complaintsSince(path: string, from: number): string[] {
  let text: string
  try {
    text = readFileSync(path).subarray(from).toString('utf8')
  } catch {
    return []
  }
  return [...text.matchAll(/\[(?:emerg|alert)\] (?:\d+#\d+: )?(.+)$/gm)].map(match => match[1] ?? '')
}

/** Whether nginx still has the folders that are there now, not deleted ones of the same name. */
export const seesFolders = ({ nginx, layout, home }: Pick<World, 'nginx' | 'layout' | 'home'>) =>
  [layout.prefix, home.www, home.releases].every(nginx.sees)
