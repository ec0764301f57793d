import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupPart } from '../../../desired-state/state.ts'
import type { Home } from '../../../runtime/os/home.ts'

/** Made anew at each start, or of this machine only: no backup has it. Postgres goes as a dump. */
const derived = ['run', 'redis', 'postgres', 'backups', 'logs', 'lost+found', '.bun', '.cache']
/** Below nginx only the certificates are not made from the declarations. */
const derivedBelow = ['nginx/generations', 'nginx/sites', 'nginx/base', 'nginx/current', 'nginx/removing']

/** Entries of the home by part; whatever no part names is `other`, so that nothing new is forgotten. */
const entriesOf: Readonly<Record<Exclude<BackupPart, 'postgres' | 'other'>, readonly string[]>> = {
  'desired-state': ['desired-state.git'],
  memory: ['memory'],
  sites: ['www', 'releases', 'archive'],
  audit: ['audit'],
  certificates: ['certbot', 'nginx', 'acme'],
  secrets: ['keys', 'secrets', 'secrets.age'],
  agents: ['workspaces', 'projects'],
}

/** Folder below `backups/` in which a run writes down what it keeps; it goes with the files. */
export const noteFolder = 'current'

/** Where a run's own notes are. */
export const notesOf = (home: Home) => join(home.backups, noteFolder)

/** Absolute paths below the home that a backup of these parts leaves out. */
export async function leftOut(home: Home, what: readonly BackupPart[]): Promise<string[]> {
  const named = new Set<string>(Object.values(entriesOf).flat())
  const unwanted = (Object.keys(entriesOf) as (keyof typeof entriesOf)[])
    .filter(part => !what.includes(part))
    .flatMap(part => entriesOf[part])
  const found = await readdir(home.root)
  const others = what.includes('other') ? [] : found.filter(name => !named.has(name) && !isDerived(name))
  const backups = (await readdir(home.backups).catch(() => []))
    .filter(name => name !== noteFolder)
    .map(name => join('backups', name))
  return [...found.filter(name => isDerived(name) && name !== 'backups'), ...backups, ...derivedBelow, ...unwanted, ...others]
    .sort()
    .map(name => join(home.root, name))
}

const isDerived = (name: string) => derived.includes(name) || name.startsWith('postgres.new-') || name.startsWith('.restore')
