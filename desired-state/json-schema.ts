import { join } from 'node:path'
import { z } from 'zod'
import { writeFileAtomic } from '../runtime/os/files.ts'
import { agentsSchema } from './documents/agents.ts'
import { backupsSchema } from './documents/backup-schema.ts'
import { databasesSchema } from './documents/databases.ts'
import { dnsSchema } from './documents/dns-schema.ts'
import { domainsSchema } from './documents/domain-schema.ts'
import { networkSchema } from './documents/network.ts'
import { permissionsSchema } from './documents/permissions.ts'
import { secretsAgeSchema } from './documents/secrets-age.ts'
import { settingsSchema } from './documents/settings.ts'

/** Where the generated files are committed; the starter repository gets them as `.schemas/`. */
export const schemasFolder = join(import.meta.dir, 'schemas')

const documents = {
  agents: agentsSchema,
  domains: domainsSchema,
  dns: dnsSchema,
  settings: settingsSchema,
  permissions: permissionsSchema,
  network: networkSchema,
  databases: databasesSchema,
  'secrets.age': secretsAgeSchema,
  backups: backupsSchema,
}

/** Text of each JSON Schema by file name, made from the schemas that documents are parsed with. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(documents).map(([name, schema]) => {
      // Editors read draft 7 best. `input`: a key with a default need not be written.
      const json = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' })
      return [`${name}.schema.json`, `${JSON.stringify({ ...json, title: `${name}.yaml` }, null, 2)}\n`]
    }),
  )
}

if (import.meta.main) {
  for (const [name, text] of jsonSchemas()) await writeFileAtomic(join(schemasFolder, name), text)
}
