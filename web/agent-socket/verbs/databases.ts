import { z } from 'zod'
import type { Repository } from '../../../desired-state/repository.ts'
import type { AgentDeclaration, DatabaseDeclaration } from '../../../desired-state/state.ts'
import { queryDatabase } from '../../../runtime/databases/postgres.ts'
import { passwordVariable } from '../../../runtime/os/environment.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Need } from '../../../runtime/policy/action.ts'
import { place } from '../../../runtime/secrets/place.ts'
import type { Secrets } from '../../../runtime/secrets/secrets.ts'
import { type Caller, type Verb, verb } from './verb.ts'

export interface DatabaseVerbDeps {
  readonly repository: Repository
  /** Passwords of the appliance's environment by name of the database. */
  readonly passwords: ReadonlyMap<string, string>
  /** Has those too, by the names of their variables. */
  readonly secret: Secrets['value']
}

const input = z.strictObject({
  database: z.string().min(1).max(60),
  statement: z.string().min(1).max(100_000),
  values: z
    .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .max(500)
    .default([]),
  rows: z.int().min(1).max(1_000).default(100),
})

/** The databases elsewhere that databases.yaml declares; a statement needs its verb, the `sql` rules and its host in network.yaml. */
export const databaseVerbs = (deps: DatabaseVerbDeps): readonly Verb[] => {
  const asking = (name: string, writes: boolean): Verb =>
    verb(name, {
      input,
      title: ({ database, statement }) => `${database}: ${statement.replaceAll(/\s+/g, ' ').slice(0, 120)}`,
      repeatable: !writes,
      async shown({ database, statement, values }, caller) {
        const { host, port, database: on, user } = (await find(deps, database, caller)).declared
        return { database, on: `${user}@${host}:${port}/${on}`, statement, values }
      },
      async needs({ database, statement }, caller): Promise<readonly Need[]> {
        const { host, port } = (await find(deps, database, caller)).declared
        return [
          { kind: 'sql', statement, database },
          { kind: 'net', host, port },
        ]
      },
      async run({ database, statement, values, rows }, caller) {
        const { declared, agent } = await find(deps, database, caller)
        if (writes && !declared.write)
          throw new ApplianceError('invalid', `${database} can only be read`, {
            hint: 'a person sets write: true in databases.yaml',
          })
        const password = await passwordOf(deps, declared, caller.agent)
        return queryDatabase(declared, password, agent.policy, { statement, values, rows, writes }, caller.signal)
      },
    })
  return [
    asking('database.query', false),
    asking('database.change', true),
    verb('status.databases', {
      input: z.strictObject({}),
      title: () => 'list the databases',
      async run(_input, caller) {
        const databases = (await declaredFor(deps, caller)).databases.map(({ agents: _, ...one }) => ({
          ...one,
          ...(one.password !== undefined || deps.passwords.has(one.name) ? {} : { unavailable: noPassword(one.name).message }),
        }))
        return { databases }
      },
    }),
  ]
}

async function passwordOf(
  deps: DatabaseVerbDeps,
  { name, password, host, port, tls }: DatabaseDeclaration,
  agent: string,
): Promise<string> {
  const to = place(host, port, tls === 'none' ? 'database without TLS' : 'database')
  if (password === undefined && !deps.passwords.has(name)) throw noPassword(name)
  return deps.secret(password ?? passwordVariable(name), `database ${name}, asked by ${agent}`, to)
}

const noPassword = (name: string) =>
  new ApplianceError(
    'waiting',
    `the password of ${name} is not set: a person names a secret in databases.yaml, or puts ${passwordVariable(name)} into the appliance's environment`,
  )

async function declaredFor(
  { repository }: DatabaseVerbDeps,
  caller: Caller,
): Promise<{ readonly agent: AgentDeclaration; readonly databases: readonly DatabaseDeclaration[] }> {
  const head = await repository.head()
  const read = head === undefined ? undefined : await repository.read(head)
  const state = read?.ok ? read.state : undefined
  const agent = state?.agents.get(caller.agent)
  if (state === undefined || agent === undefined) throw new ApplianceError('waiting', 'the desired state cannot be read')
  return { agent, databases: [...state.databases.values()].filter(({ agents }) => agents.includes(caller.agent)) }
}

async function find(deps: DatabaseVerbDeps, name: string, caller: Caller) {
  const { agent, databases } = await declaredFor(deps, caller)
  const declared = databases.find(database => database.name === name)
  if (declared !== undefined) return { declared, agent }
  const known = databases.map(database => database.name).join(', ')
  throw new ApplianceError('invalid', `${caller.agent} has no database ${name}`, {
    hint: known === '' ? 'a person declares one in databases.yaml' : `it has ${known}`,
  })
}
