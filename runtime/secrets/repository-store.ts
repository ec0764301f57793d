import { ApplianceError } from '../os/errors.ts'
import type { AgeKey } from './age.ts'
import type { SecretStore } from './store.ts'

/** `secrets.age.yaml` of the newest commit that could be read, as it stands there. */
export interface SharedValues {
  /** By name, encrypted and armored. */
  readonly values: ReadonlyMap<string, string>
}

export interface RepositoryStore extends SecretStore {
  /** All that can be opened. */
  values(): Promise<readonly string[]>
}

/** Secrets that operators share through the repository, each encrypted for this appliance as well. */
export function createRepositoryStore(read: () => Promise<SharedValues>, key: () => Promise<AgeKey>): RepositoryStore {
  const opened = new Map<string, string>()
  const open = async (name: string, armored: string): Promise<string> => {
    const value = opened.get(armored) ?? (await decrypted(name, armored, await key()))
    opened.set(armored, value)
    return value
  }
  return {
    source: 'repository',
    async get(name) {
      const armored = (await read()).values.get(name)
      return armored === undefined ? undefined : open(name, armored)
    },
    async values() {
      const { values } = await read()
      const current = new Set(values.values())
      // What is no longer in the file is forgotten.
      for (const old of opened.keys()) if (!current.has(old)) opened.delete(old)
      const found = await Promise.all([...values].map(([name, armored]) => open(name, armored).catch(() => undefined)))
      return found.filter(value => value !== undefined)
    },
    list: async () => [...(await read()).values.keys()].map(name => ({ name, changedAt: undefined })),
  }
}

async function decrypted(name: string, armored: string, key: AgeKey): Promise<string> {
  try {
    return await key.decryptArmored(armored)
  } catch {
    throw new ApplianceError('stalled', `${name} of secrets.age.yaml cannot be opened here`, {
      hint: `it is damaged, or not encrypted for this appliance: encrypt it for ${key.recipient} too`,
    })
  }
}
