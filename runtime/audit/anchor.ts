import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { readTextIfExists, writeFileAtomic } from '../os/files.ts'
import type { Link } from './line.ts'

/** A signed note of how far the chain went, kept outside of the folder that it speaks of. */
export interface Anchor extends Link {
  /** ISO 8601. */
  readonly time: string
}

/** Where notes are kept. `set` replaces the note; `keep` puts one that contradicts the file where it is not replaced. */
export interface AnchorPlace {
  get(): Promise<string | undefined>
  set(note: string): Promise<void>
  keep(note: string, name: string): Promise<void>
  /** Every note that was kept. */
  kept(): Promise<readonly string[]>
}

const shape = z.object({
  sequence: z.int(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  time: z.string(),
  signature: z.string(),
})

const signed = ({ sequence, hash, time }: Anchor) => Buffer.from(`ai-infrastructure audit\n${sequence}\n${hash}\n${time}\n`)

export const renderNote = ({ sequence, hash, time }: Anchor, key: KeyObject): string =>
  `${JSON.stringify({ sequence, hash, time, signature: sign(null, signed({ sequence, hash, time }), key).toString('base64') })}\n`

/** The anchor of a note whose signature is right; undefined for any other. */
export function readNote(note: string, key: KeyObject): Anchor | undefined {
  try {
    const { signature, ...anchor } = shape.parse(JSON.parse(note))
    return verify(null, signed(anchor), key, Buffer.from(signature, 'base64')) ? anchor : undefined
  } catch {
    return undefined
  }
}

const privateName = 'audit-anchor.key'
export const publicName = 'audit-anchor.pub'

/** The Ed25519 key that signs; made at the first start, with its public half beside it. */
export async function anchorKey(folder: string): Promise<KeyObject> {
  const path = join(folder, privateName)
  const stored = await readTextIfExists(path)
  const key = stored === undefined ? generateKeyPairSync('ed25519').privateKey : createPrivateKey(stored)
  if (stored === undefined) await writeFileAtomic(path, key.export({ type: 'pkcs8', format: 'pem' }), 0o600)
  const open = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  if ((await readTextIfExists(join(folder, publicName))) !== open) await writeFileAtomic(join(folder, publicName), open, 0o600)
  return key
}

/** The public key of a file; undefined when there is none yet. */
export async function publicKeyIn(path: string): Promise<KeyObject | undefined> {
  const text = await readTextIfExists(path)
  return text === undefined ? undefined : createPublicKey(text)
}
