import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Where a unit's own processes live once its cgroup is divided: only the leaves of cgroup v2 may hold processes. */
export const sessionGroup = 'session'

/** Folder of the cgroup (v2) that this process is in; undefined where there is none. `proc` is for tests. */
export function ownCgroup(proc = '/proc/self'): string | undefined {
  try {
    const path = /^0::(\/.*)$/m.exec(readFileSync(join(proc, 'cgroup'), 'utf8'))?.[1]
    const mount = readFileSync(join(proc, 'mountinfo'), 'utf8')
      .split('\n')
      .find(line => line.includes(' - cgroup2 '))
      ?.split(' ')
    const [root, folder] = [mount?.[3], mount?.[4]]
    if (path === undefined || root === undefined || folder === undefined) return undefined
    const below = relative(root, path)
    return below.startsWith('..') ? undefined : join(folder, below)
  } catch {
    return undefined
  }
}

/**
 * Divides the cgroup that systemd delegated to our unit: this process moves one level down, and memory and pids are passed
 * on to what is made beside it. True when that worked; where nothing is delegated nothing is changed.
 */
export function divideOwnCgroup(unit = ownCgroup(), pid: number | string = process.pid): boolean {
  if (unit === undefined) return false
  try {
    const offered = readFileSync(join(unit, 'cgroup.controllers'), 'utf8').split(/\s+/)
    if (!['memory', 'pids'].every(name => offered.includes(name))) return false
    mkdirSync(join(unit, sessionGroup), { recursive: true })
    writeFileSync(join(unit, sessionGroup, 'cgroup.procs'), String(pid))
    writeFileSync(join(unit, 'cgroup.subtree_control'), '+memory +pids')
    return true
  } catch {
    return false
  }
}
