import { posix } from 'node:path'

/** Folders that rules name by a word. */
export interface PolicyPlaces {
  /** The agent's own: `workspaces/<agent>`. */
  readonly workspace: string
  readonly www: string
  readonly projects: string
  readonly logs: string
}

const placeNames = ['workspace', 'www', 'projects', 'logs'] as const

/** The folder or file that a rule means: `workspace`, `www/blog`, `/srv/data`. Undefined for what is no path. */
export function pathOfRule(rule: string, places: PolicyPlaces): string | undefined {
  if (rule.startsWith('/')) return tidy(rule)
  const [first, ...rest] = rule.split('/')
  const name = placeNames.find(one => one === first)
  if (name === undefined || rest.includes('..')) return undefined
  return tidy(posix.join(places[name], ...rest))
}

/** Absolute, without `..`, doubled slashes or a slash at the end; undefined for what cannot be a path. */
export function tidy(path: string): string | undefined {
  if (!path.startsWith('/') || path.includes('\0')) return undefined
  const normal = posix.normalize(path)
  return normal === '/' ? normal : normal.replace(/\/+$/, '')
}

/** Whether `path` is `folder` or lies below it; both as {@link tidy} gives them. */
export const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`)
