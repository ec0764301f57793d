import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { providerSchema } from '../../desired-state/documents/dns-schema.ts'
import type { DnsProvider } from '../../desired-state/state.ts'
import { ApplianceError, explain, systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, removeIfExists, syncDirectory, writeFileAtomic } from '../../runtime/os/files.ts'

/** An answer that stands in DNS, or may: it is written down before it is put there, and crossed out after it is gone. */
export interface Shown {
  readonly zone: string
  readonly provider: DnsProvider
  readonly name: string
  readonly value: string
}

const entrySchema = z.object({
  ...{ zone: z.string(), name: z.string(), value: z.string(), provider: z.string() },
  declared: providerSchema,
})

const fileOf = (folder: string, { name, value }: Pick<Shown, 'name' | 'value'>) =>
  join(folder, `${createHash('sha256').update(`${name} ${value}`).digest('hex').slice(0, 16)}.json`)

export async function writeDown(folder: string, { provider: { name: called, ...declared }, ...shown }: Shown): Promise<void> {
  await makeDirectory(folder, 0o700)
  await writeFileAtomic(fileOf(folder, shown), `${JSON.stringify({ ...shown, provider: called, declared })}\n`, 0o600)
}

export async function crossOut(folder: string, shown: Pick<Shown, 'name' | 'value'>): Promise<void> {
  await removeIfExists(fileOf(folder, shown))
  await syncDirectory(folder)
}

/** How many answers may still stand in DNS. */
export async function countShown(folder: string): Promise<number> {
  return (await entriesIn(folder)).length
}

export async function shownIn(folder: string): Promise<readonly Shown[]> {
  return Promise.all((await entriesIn(folder)).map(name => readEntry(join(folder, name))))
}

async function readEntry(path: string): Promise<Shown> {
  try {
    const { provider, declared, ...shown } = entrySchema.parse(JSON.parse(await readFile(path, 'utf8')))
    return { ...shown, provider: { name: provider, ...declared } }
  } catch (cause) {
    throw new ApplianceError('stalled', `${path} says which answer still stands in DNS, and cannot be read: ${explain(cause)}`, {
      hint: 'take the TXT records at _acme-challenge out of the zone by hand, then remove the file',
      cause,
    })
  }
}

async function entriesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter(name => name.endsWith('.json')).sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
