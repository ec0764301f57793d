import { z } from 'zod'
import type { Level, Mistake } from '../state.ts'
import type { Source } from '../yaml.ts'
import { check, entriesOf, reportOn } from './check.ts'
import { modelSchema } from './settings.ts'

const namePattern = /^[a-z][a-z0-9-]{0,31}$/
const promptPattern = /^agents\/(?:[A-Za-z0-9][A-Za-z0-9._-]*\/)*[A-Za-z0-9][A-Za-z0-9._-]*\.md$/

/** Each is a process of its own. */
const mostAgents = 64

/** Windows of the session that are the appliance's own. */
export const reservedNames: readonly string[] = ['monitor', 'logs']

export const agentSchema = z.strictObject({
  level: z
    .union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)], {
      error: 'level must be 0 (restricted), 1 (standard), 2 (elevated) or 3 (privileged)',
    })
    .default(0)
    .describe('What the agent may do: 0 restricted, 1 standard, 2 elevated, 3 privileged.'),
  prompt: z
    .string()
    .regex(promptPattern, 'prompt must be a Markdown file below agents/, like agents/code.md')
    .optional()
    .describe('Markdown file with the prompt of the agent. Default: agents/<name>.md.'),
  model: modelSchema.optional().describe('Claude model. Default: agent_model of settings.yaml.'),
  description: z
    .string()
    .max(200)
    .regex(/^\P{Cc}*$/u, 'description must be one line of text')
    .default('')
    .describe('One line that says what the agent is for.'),
})

/** `agents.yaml`. An absent file means the six starter agents; `agents: {}` means none. */
export const agentsSchema = z.strictObject({
  agents: z
    .record(z.string().meta({ pattern: namePattern.source }), agentSchema)
    .default({})
    .describe('Agents by name; each gets a window of its name, in this order.'),
})

/** An agent as its document says, before prompt and model are looked up elsewhere. */
export interface AgentEntry {
  readonly level: Level
  readonly prompt: string
  readonly model: string | undefined
  readonly description: string
}

const starter = (name: string, level: Level, description: string): [string, AgentEntry] => [
  name,
  { level, prompt: `agents/${name}.md`, model: undefined, description },
]

/** The agents of a repository without `agents.yaml`. */
export const starterAgents: ReadonlyMap<string, AgentEntry> = new Map([
  starter('supervisor', 3, 'Speaks with you, hands out work, brings results together'),
  starter('code', 1, 'Writes, repairs and refactors programs'),
  starter('data', 1, 'Databases, analysis, imports and exports'),
  starter('infra', 2, 'Domains, nginx, certificates, health of this server'),
  starter('research', 1, 'Finds out, checks sources, sums up'),
  starter('qa', 1, 'Tests, reviews, looks for weak spots'),
])

export function parseAgents(source: Source): { agents: ReadonlyMap<string, AgentEntry>; mistakes: readonly Mistake[] } {
  const report = reportOn(source)
  const agents = new Map<string, AgentEntry>()
  for (const [name, value] of entriesOf(source, 'agents', mostAgents, 'code: { level: 1 }', report)) {
    const path = ['agents', name]
    const wrong = wrongName(name)
    if (wrong !== undefined) report.say(path, wrong, 'key')
    const agent = check(agentSchema, value ?? {}, path, report)
    if (agent === undefined || wrong !== undefined) continue
    const prompt = agent.prompt ?? `agents/${name}.md`
    agents.set(name, { level: agent.level, prompt, model: agent.model, description: agent.description })
  }
  return { agents, mistakes: report.mistakes }
}

function wrongName(name: string): string | undefined {
  if (reservedNames.includes(name)) return `${name} is a window of the appliance itself: choose another name`
  if (namePattern.test(name)) return undefined
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 32)
  const suggestion = namePattern.test(better) && !reservedNames.includes(better) ? `, like ${better}` : ''
  return `${JSON.stringify(name)} cannot name an agent: write a small letter, then up to 31 small letters, digits or hyphens${suggestion}`
}
