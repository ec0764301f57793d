import { join } from 'node:path'
import { z } from 'zod'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { makeDirectory, readTextIfExists, writeFileAtomic } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Signer } from '../state.ts'

const shape = z.array(z.strictObject({ name: z.string(), ssh: z.array(z.string()), gpg: z.array(z.string()) }))

/** In a file, since a push is judged while no appliance and no database runs as well. */
const fileOf = ({ keys }: Pick<Home, 'keys'>): string => join(keys, 'allowed-signers.json')

/**
 * Who may sign, by the last list that needed no approval or got one; empty where there is none. Throws `stalled` where that
 * cannot be read: it is never taken for an empty one.
 */
export async function signersInForce(home: Pick<Home, 'keys'>): Promise<readonly Signer[]> {
  const text = await readTextIfExists(fileOf(home))
  if (text === undefined) return []
  try {
    return shape.parse(JSON.parse(text))
  } catch (cause) {
    throw new ApplianceError('stalled', `nobody can tell who may sign: ${fileOf(home)} is damaged: ${explain(cause)}`, {
      hint: 'put it back from a backup',
    })
  }
}

/** From now on these; a death leaves the ones before, or these. */
export async function putSignersInForce(home: Pick<Home, 'keys'>, signers: readonly Signer[]): Promise<void> {
  await makeDirectory(home.keys, 0o700)
  await writeFileAtomic(fileOf(home), `${JSON.stringify(byName(signers))}\n`, 0o600)
}

export const byName = (signers: readonly Signer[]): readonly Signer[] => signers.toSorted((a, b) => (a.name < b.name ? -1 : 1))
