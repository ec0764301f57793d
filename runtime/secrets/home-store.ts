import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import { statIfExists, writeFileAtomic } from '../os/files.ts'
import { oneAtATime } from '../os/one-at-a-time.ts'
import { type AgeKey, ageKeyName, openAgeKey } from './age.ts'
import type { WritableStore } from './store.ts'

export interface HomeStoreOptions {
  /** `secrets.age` of the home. */
  readonly path: string
  /** Folder of the appliance's keys. */
  readonly keys: string
  readonly clock: Clock
}

const shape = z.strictObject({
  version: z.literal(1),
  secrets: z.record(z.string(), z.strictObject({ value: z.string(), changedAt: z.string() })),
})

type Entries = z.infer<typeof shape>['secrets']

const mostSecrets = 1_000

export interface HomeStore extends WritableStore {
  /** What others encrypt for, so that this appliance can read it. */
  readonly key: () => Promise<AgeKey>
  /** Makes the key when there is none yet, and gives every value, for who keeps them from being written anywhere. */
  values(): Promise<readonly string[]>
}

/**
 * Secrets of this machine: one file encrypted with age, replaced as a whole. One that cannot be read is never replaced:
 * everything that needs it says so until a person decides.
 */
export function createHomeStore({ path, keys, clock }: HomeStoreOptions): HomeStore {
  const next = oneAtATime()
  let seen: { readonly mark: string; readonly entries: Entries } | undefined
  let opened: { readonly mark: string | undefined; readonly key: AgeKey } | undefined
  const opening = oneAtATime()
  // Another one may be put there, like the right one in place of a wrong one; and what is kept for one that is gone is lost.
  const key = () =>
    opening(async () => {
      const mark = await markOf(join(keys, ageKeyName))
      if (opened !== undefined && mark !== undefined && opened.mark === mark) return opened.key
      const fresh = await openAgeKey(keys, (await statIfExists(path)) === undefined)
      opened = { mark: await markOf(join(keys, ageKeyName)), key: fresh }
      return fresh
    })

  const read = async (): Promise<Entries> => {
    const mark = await markOf(path)
    if (mark === undefined) return {}
    if (seen?.mark !== mark) seen = { mark, entries: await decrypted(await key(), path) }
    return seen.entries
  }
  const write = async (entries: Entries): Promise<void> => {
    const bytes = await (await key()).encrypt(JSON.stringify({ version: 1, secrets: entries }))
    await writeFileAtomic(path, bytes, 0o600)
    seen = { mark: (await markOf(path)) ?? '', entries }
  }

  return {
    source: 'home',
    key,
    get: name => next(async () => ownEntry(await read(), name)?.value),
    list: () => next(async () => Object.entries(await read()).map(([name, { changedAt }]) => ({ name, changedAt }))),
    values: () =>
      next(async () => {
        if ((await statIfExists(join(keys, ageKeyName))) === undefined) await key()
        return Object.values(await read()).map(({ value }) => value)
      }),
    set: (name, value) =>
      next(async () => {
        const entries = await read()
        if (ownEntry(entries, name) === undefined && Object.keys(entries).length >= mostSecrets)
          throw new ApplianceError('invalid', `there are ${mostSecrets} secrets already`, { hint: 'remove some first' })
        await write({ ...entries, [name]: { value, changedAt: clock.now().toISOString() } })
      }),
    remove: name =>
      next(async () => {
        const entries = await read()
        if (ownEntry(entries, name) === undefined) return false
        await write(Object.fromEntries(Object.entries(entries).filter(([other]) => other !== name)))
        return true
      }),
  }
}

/** Another one means another file; undefined: there is none. */
async function markOf(path: string): Promise<string | undefined> {
  const found = await statIfExists(path)
  return found && `${found.ino} ${found.size} ${found.mtimeMs}`
}

const ownEntry = (entries: Entries, name: string) => (Object.hasOwn(entries, name) ? entries[name] : undefined)

async function decrypted(key: AgeKey, path: string): Promise<Entries> {
  try {
    return shape.parse(JSON.parse(await key.decrypt(await Bun.file(path).bytes()))).secrets
  } catch {
    // The cause could show what was decrypted.
    throw new ApplianceError('stalled', 'the file of the secrets cannot be read: it is damaged, or for another key', {
      subject: path,
      hint: 'put it back from a backup together with keys/secrets-age.key; or move it away and set the secrets anew',
    })
  }
}
