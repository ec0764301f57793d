import { z } from 'zod'
import type { Level, Mistake } from '../state.ts'
import { didYouMean } from '../suggest.ts'
import type { Path, Source } from '../yaml.ts'
import { starterAgents } from './agents.ts'
import { check, entriesOf, isMap, type Report, reportOn } from './check.ts'
import { ruleWords, wordSchemas, writtenWords } from './rule-words.ts'

/** More than the agents there can be, and `default`. */
const mostEntries = 100

const level = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)], {
  error: 'level must be 0 (restricted), 1 (standard), 2 (elevated) or 3 (privileged)',
})

const amounts = {
  level: level.optional().describe('The level whose rules are the beginning. Default: the level of agents.yaml.'),
  max_file_size_mb: z.int().min(1).max(100_000).optional().describe('Largest file that a command writes, in MiB.'),
  max_execution_time_seconds: z.int().min(1).max(86_400).optional().describe('Longest time that a command takes.'),
  max_download_size_mb: z.int().min(1).max(100_000).optional().describe('Most that one connection brings in, in MiB.'),
  max_memory_mb: z.int().min(32).max(1_000_000).optional().describe('Memory of a command with everything it starts, in MiB.'),
  task_tokens: z.int().min(0).optional().describe('Tokens that one task may use.'),
  task_usd: z.number().min(0).optional().describe('Dollars that one task may cost.'),
  task_minutes: z.int().min(1).max(100_000).optional().describe('Minutes that one task may take.'),
  day_tokens: z.int().min(0).optional().describe('Tokens that the agent may use in a day.'),
  day_usd: z.number().min(0).optional().describe('Dollars that the agent may cost in a day.'),
}

const entrySchema = z.strictObject({ ...wordSchemas, ...amounts })

/** What permissions.yaml says of one agent, or of all in `default`; what is absent comes from the level. */
export type Permissions = z.output<typeof entrySchema> & { readonly level?: Level | undefined }

/** `permissions.yaml`. An absent file means the presets of the levels. */
export const permissionsSchema = z.strictObject({
  permissions: z
    .record(z.string(), z.strictObject({ ...writtenWords, ...amounts }))
    .default({})
    .describe('Permissions by name of agent; default is for all of them. What is not written comes from the level.'),
})

/** `agents`: the names of all agents; undefined when they are not known, and no name is blamed. */
export function parsePermissions(
  source: Source,
  agents: ReadonlySet<string> | undefined,
): { permissions: ReadonlyMap<string, Permissions>; mistakes: readonly Mistake[] } {
  const report = reportOn(source)
  const permissions = new Map<string, Permissions>()
  for (const [name, value] of entriesOf(source, 'permissions', mostEntries, 'code: { run: [git, npm] }', report)) {
    const path = ['permissions', name]
    unknownAgent(name, path, agents, report)
    const entry = check(entrySchema, spelledOut(value ?? {}), path, asWritten(value, path, report))
    if (isMap(value) && 'net' in value)
      report.say([...path, 'net'], 'connections are allowed in network.yaml: move this there', 'key')
    if (entry !== undefined) permissions.set(name, entry)
  }
  return { permissions, mistakes: report.mistakes }
}

/** The six agents of the starter may be taken out of agents.yaml without touching what stands here of them. */
export function unknownAgent(name: string, path: Path, agents: ReadonlySet<string> | undefined, report: Report): void {
  if (agents === undefined || name === 'default' || agents.has(name) || starterAgents.has(name)) return
  const known = [...new Set([...agents, ...starterAgents.keys(), 'default'])]
  report.say(
    path,
    `no agent is called ${JSON.stringify(name)}${didYouMean(name, known) || `: the names here are ${known.join(', ')}`}`,
    'key',
  )
}

/** A list alone means `allow`. */
function spelledOut(value: unknown): unknown {
  if (!isMap(value)) return value
  const lists = ruleWords.filter(word => Array.isArray(value[word])).map(word => [word, { allow: value[word] }])
  const { net: _, ...rest } = value
  return { ...rest, ...Object.fromEntries(lists) }
}

/** Points at the rule itself also where `allow` was left out. */
function asWritten(value: unknown, base: Path, report: Report): Report {
  return {
    mistakes: report.mistakes,
    say: (path, message, where) => {
      const [word, list, ...rest] = path.slice(base.length)
      const short = isMap(value) && list === 'allow' && Array.isArray(value[String(word)])
      report.say(short && word !== undefined ? [...base, word, ...rest] : path, message, where)
    },
  }
}
