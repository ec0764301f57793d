import { createHash } from 'node:crypto'
import type { AgentPolicy, ToolFile } from '../../desired-state/state.ts'
import type { Store } from '../store/store.ts'
import { parsePolicy } from './policy.ts'
import { parseTools } from './tool-files.ts'

/** What an agent's process is told to be, as last applied. */
export interface Declaration {
  readonly name: string
  readonly level: number
  readonly description: string
  readonly prompt: string
  readonly model: string
  readonly maxTokens: number
  readonly policy: AgentPolicy
  readonly tools: readonly ToolFile[]
  readonly configuration: string
}

/** Hash of everything that a running process takes over without a restart. */
export function promptHash(of: Pick<Declaration, 'description' | 'prompt' | 'model' | 'maxTokens' | 'policy' | 'tools'>): string {
  const tools = of.tools.map(({ name, text }) => [name, text])
  return shortHash([of.description, of.prompt, of.model, of.maxTokens, parsePolicy(of.policy), tools])
}

export const shortHash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 24)

interface Row {
  name: string
  level: number
  description: string
  prompt: string
  model: string
  max_tokens: number
  policy: unknown
  tools: unknown
  configuration: string
}

const declarationOf = (row: Row): Declaration => ({
  name: row.name,
  level: row.level,
  description: row.description,
  prompt: row.prompt,
  model: row.model,
  maxTokens: row.max_tokens,
  policy: parsePolicy(row.policy),
  tools: parseTools(row.tools),
  configuration: row.configuration,
})

/** The applied declarations, and the record of restarts, in Postgres. */
export interface Declarations {
  all(): Promise<readonly Declaration[]>
  one(name: string): Promise<Declaration | undefined>
  put(declaration: Declaration): Promise<void>
  remove(name: string): Promise<void>
  /** How often a person asked for a new process, by agent. */
  generations(): Promise<ReadonlyMap<string, number>>
  /** One more generation; false when there is no such agent. */
  bump(name: string): Promise<boolean>
  /** Forgets those of a day before, and those that a clock which was ahead has dated later. */
  recordRestart(key: string, at: Date): Promise<void>
  /** The last restarts of each window, newest first, at most `limit` of each. */
  restarts(limit: number): Promise<ReadonlyMap<string, readonly Date[]>>
  forgetRestarts(key: string): Promise<void>
}

export function createDeclarations(store: Store): Declarations {
  return {
    async all() {
      return (await store<Row[]>`SELECT * FROM agent ORDER BY name`).map(declarationOf)
    },
    async one(name) {
      return (await store<Row[]>`SELECT * FROM agent WHERE name = ${name}`).map(declarationOf)[0]
    },
    async put({ name, level, description, prompt, model, maxTokens, policy, tools, configuration }) {
      await store`
        INSERT INTO agent (name, level, description, prompt, model, max_tokens, policy, tools, configuration)
        VALUES (${name}, ${level}, ${description}, ${prompt}, ${model}, ${maxTokens},
          ${JSON.stringify(policy)}::text::jsonb, ${JSON.stringify(tools)}::text::jsonb, ${configuration})
        ON CONFLICT (name) DO UPDATE SET level = excluded.level, description = excluded.description, prompt = excluded.prompt,
          model = excluded.model, max_tokens = excluded.max_tokens, policy = excluded.policy, tools = excluded.tools, configuration = excluded.configuration`
    },
    async remove(name) {
      await store`DELETE FROM agent WHERE name = ${name}`
    },
    async generations() {
      const rows = await store<{ name: string; generation: number }[]>`SELECT name, generation FROM agent`
      return new Map(rows.map(row => [row.name, row.generation]))
    },
    async bump(name) {
      return (await store`UPDATE agent SET generation = generation + 1 WHERE name = ${name}`).count === 1
    },
    async recordRestart(key, at) {
      await store`INSERT INTO agent_restart (key, at) VALUES (${key}, ${at})`
      const [old, ahead] = [new Date(at.getTime() - 86_400_000), new Date(at.getTime() + 60_000)]
      await store`DELETE FROM agent_restart WHERE key = ${key} AND (at < ${old} OR at > ${ahead})`
    },
    async restarts(limit) {
      const rows = await store<{ key: string; at: Date }[]>`
        SELECT key, at FROM (SELECT key, at, row_number() OVER (PARTITION BY key ORDER BY at DESC) AS n FROM agent_restart) AS numbered
        WHERE n <= ${limit} ORDER BY key, at DESC`
      return new Map([...Map.groupBy(rows, row => row.key)].map(([key, found]) => [key, found.map(row => row.at)]))
    },
    async forgetRestarts(key) {
      await store`DELETE FROM agent_restart WHERE key = ${key}`
    },
  }
}
