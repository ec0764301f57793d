import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Quarantine } from '../repository.ts'
import { quarantineEnvironment } from './command.ts'

/** Environment to read a push's objects with; throws for a folder that is no quarantine of this repository. */
export async function enterQuarantine(
  repository: string,
  quarantine: Quarantine | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (quarantine === undefined) return {}
  const objects = await realpath(join(repository, 'objects'))
  const path = await realpath(quarantine.path).catch(cause => {
    throw refused(quarantine, cause)
  })
  if (dirname(path) !== objects || !/^(?:tmp_objdir-)?incoming-[A-Za-z0-9]+$/.test(basename(path))) throw refused(quarantine)
  return quarantineEnvironment(objects, path)
}

const refused = (quarantine: Quarantine, cause?: unknown) =>
  new ApplianceError('invalid', `${quarantine.path} is not where this repository keeps the objects of a push`, {
    hint: 'push again',
    cause,
  })
