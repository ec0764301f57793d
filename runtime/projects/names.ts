import { join } from 'node:path'
import { ApplianceError } from '../os/errors.ts'
import type { Home } from '../os/home.ts'

/** Name of a project: small letters, digits and `-`; a folder, a web root and a part of a host name at once. */
export const projectPattern = /^[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?$/

/** The bare repository of a project. */
export function projectRepository(home: Pick<Home, 'projects'>, name: string): string {
  if (projectPattern.test(name)) return join(home.projects, `${name}.git`)
  throw new ApplianceError('invalid', `${JSON.stringify(name.slice(0, 80))} is no name of a project`, {
    hint: 'small letters, digits and "-", like bakery-site',
  })
}
