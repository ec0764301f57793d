import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import type { ToolContext } from './tool.ts'

const longestPath = 4_000

/**
 * A path as the model wrote it, absolute: relative ones lead from the folder of the work. This keeps honest mistakes out;
 * what keeps everything else out is the sandbox in which the path is used.
 */
export function resolvePath(path: string, { folder }: Pick<ToolContext, 'folder'>): string {
  if (path === '' || path.includes('\0') || path.length > longestPath)
    throw new ApplianceError('invalid', `${JSON.stringify(path.slice(0, 80))} cannot be a path`)
  return isAbsolute(path) ? resolve(path) : resolve(folder, path)
}

/** A path as a person and the model read it: from the folder of the work, else from the workspace, else whole. */
export function shownPath(path: string, { folder, workspace }: Pick<ToolContext, 'folder' | 'workspace'>): string {
  for (const base of [folder, workspace]) {
    const inside = relative(base, path)
    if (!inside.startsWith('..') && !isAbsolute(inside)) return base === folder ? inside || '.' : `${base}/${inside}`
  }
  return path
}

/** The paths of the appliance that an agent may know; a workspace is `<home>/workspaces/<agent>`. */
export const homeOf = ({ workspace }: Pick<ToolContext, 'workspace'>): Home => homeAt(dirname(dirname(workspace)))
