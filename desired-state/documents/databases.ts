import { z } from 'zod'
import type { DatabaseDeclaration, Mistake } from '../state.ts'
import type { Source } from '../yaml.ts'
import { check, entriesOf, reportOn } from './check.ts'
import { unknownAgent } from './permissions.ts'
import { secretReference } from './secret-reference.ts'

const mostDatabases = 50
const namePattern = /^[a-z][a-z0-9-]{0,31}$/
const plainName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,62}$/, 'a name of letters, digits and _ . @ -')

const databaseSchema = z.strictObject({
  host: z
    .string()
    .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9a-fA-F:.]{2,45})$/, {
      error: 'host must be a name or an address, like db.example.com, without port and protocol',
    })
    .describe('Where the PostgreSQL server is; network.yaml has to allow host:port to the agents.'),
  port: z.int().min(1).max(65_535).default(5432).describe('Its port.'),
  database: plainName.describe('Name of the database on that server.'),
  user: plainName.describe('Who connects: best a role that may only read what agents may see.'),
  password: secretReference('SHOP_PASSWORD')
    .optional()
    .describe(
      "Its password: secret:NAME, or one field of a secret, like secret:SHOP.password. Without it: AI_INFRA_DATABASE_PASSWORD_NAME of the appliance's environment.",
    ),
  tls: z
    .enum(['verify', 'none'])
    .default('verify')
    .describe('verify: only with a certificate that proves the host. none: for a server on a network of yours.'),
  agents: z.array(z.string()).max(64).default(['data']).describe('Agents that may use it. Default: data.'),
  write: z
    .boolean()
    .default(false)
    .describe('Whether agents may change it as well, by a verb that the sql rules judge and that asks a person by default.'),
})

/** `databases.yaml`: PostgreSQL servers elsewhere that agents may query. Passwords are never written here. */
export const databasesSchema = z.strictObject({
  databases: z
    .record(z.string().meta({ pattern: namePattern.source }), databaseSchema)
    .default({})
    .describe(
      'Databases by name. The password of shop-eu is what its key password names, or AI_INFRA_DATABASE_PASSWORD_SHOP_EU in the environment of the appliance.',
    ),
})

export function parseDatabases(
  source: Source,
  agents: ReadonlySet<string> | undefined,
): { databases: ReadonlyMap<string, DatabaseDeclaration>; mistakes: readonly Mistake[] } {
  const report = reportOn(source)
  const databases = new Map<string, DatabaseDeclaration>()
  const example = 'shop: { host: db.example.com, database: shop, user: reader }'
  for (const [name, value] of entriesOf(source, 'databases', mostDatabases, example, report)) {
    const path = ['databases', name]
    if (!namePattern.test(name))
      report.say(
        path,
        `${JSON.stringify(name)} cannot name a database: write a small letter, then small letters, digits or hyphens`,
        'key',
      )
    const entry = check(databaseSchema, value ?? {}, path, report)
    if (entry === undefined) continue
    for (const [index, agent] of entry.agents.entries()) unknownAgent(agent, [...path, 'agents', index], agents, report)
    const { password, ...fields } = entry
    databases.set(name, { name, ...fields, ...(password === undefined ? {} : { password }) })
  }
  return { databases, mistakes: report.mistakes }
}
