import { join } from 'node:path'
import { ApplianceError } from '../os/errors.ts'
import { readTextIfExists, writeFileAtomic } from '../os/files.ts'

/** The appliance's own key pair of age. */
export interface AgeKey {
  /** `age1…`, for whoever encrypts for this appliance. */
  readonly recipient: string
  encrypt(text: string): Promise<Uint8Array>
  /** Throws for what is not encrypted for this key, or was altered. */
  decrypt(bytes: Uint8Array): Promise<string>
  decryptArmored(text: string): Promise<string>
}

/** Loaded by who has secrets; it would cost everybody else memory and time at the start. */
const loadAge = () => import('age-encryption')

/** In the folder `keys`. */
export const ageKeyName = 'secrets-age.key'

/** Reads the identity of the folder `keys`; `make` says whether one may be made when there is none. */
export async function openAgeKey(folder: string, make: boolean): Promise<AgeKey> {
  const path = join(folder, ageKeyName)
  const stored = await readTextIfExists(path)
  if (stored === undefined && !make) {
    throw new ApplianceError('stalled', 'the key that the secrets are encrypted with is gone', {
      subject: path,
      hint: 'put it back from a backup; without it, move secrets.age of the home away and set the secrets anew',
    })
  }
  const { armor, Decrypter, Encrypter, generateX25519Identity } = await loadAge()
  const identity = stored === undefined ? await generateX25519Identity() : identityIn(stored, path)
  const recipient = await recipientOf(identity, path)
  if (stored === undefined) await writeFileAtomic(path, `# public key: ${recipient}\n${identity}\n`, 0o600)
  const decrypt = async (bytes: Uint8Array): Promise<string> => {
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    return decrypter.decrypt(bytes, 'text')
  }
  return {
    recipient,
    decrypt,
    decryptArmored: async text => decrypt(armor.decode(text)),
    async encrypt(text) {
      const encrypter = new Encrypter()
      encrypter.addRecipient(recipient)
      return encrypter.encrypt(text)
    },
  }
}

/** Armored. Throws `invalid` for what is no recipient. */
export async function encryptFor(recipients: Iterable<string>, text: string): Promise<string> {
  const { armor, Encrypter } = await loadAge()
  const encrypter = new Encrypter()
  try {
    for (const recipient of recipients) encrypter.addRecipient(recipient)
  } catch {
    throw new ApplianceError('invalid', 'one of the recipients is no public key of age', { subject: 'secrets.age.yaml' })
  }
  return armor.encode(await encrypter.encrypt(text))
}

/** A file as age-keygen writes it: comments, and one identity. */
function identityIn(text: string, path: string): string {
  const line = text.split('\n').find(each => each.startsWith('AGE-SECRET-KEY-'))
  if (line !== undefined) return line.trim()
  throw damaged(path)
}

async function recipientOf(identity: string, path: string): Promise<string> {
  const { identityToRecipient } = await loadAge()
  try {
    return await identityToRecipient(identity)
  } catch {
    // The cause would show the identity.
    throw damaged(path)
  }
}

const damaged = (path: string) =>
  new ApplianceError('stalled', 'the file holds no identity of age', { subject: path, hint: 'put it back from a backup' })
