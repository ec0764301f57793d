import { z } from 'zod'
import type { Mistake } from '../state.ts'
import type { Source } from '../yaml.ts'
import { check, entriesOf, reportOn } from './check.ts'
import { unknownAgent } from './permissions.ts'

const mostEntries = 100

const example = 'like api.github.com:443, *.github.com:443, *:22 or [2001:db8::1]:443'

/** `host:port`; either may be `*`. A rule that could never match, or would match more than it says, is a mistake. */
const pattern = z
  .string()
  .max(300)
  .superRefine((rule, context) => {
    const wrong = wrongPattern(rule)
    if (wrong !== undefined) context.addIssue(wrong)
  })

function wrongPattern(rule: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(rule)) return `${JSON.stringify(rule)} is a URL: write its host and port, ${example}`
  if (rule.includes('/')) return `${JSON.stringify(rule)} has a path or range, which no rule has: write host and port, ${example}`
  const parts = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._*-]+)(?::(\*|\d{1,5}))?$/.exec(rule)
  if (parts === null) return `${JSON.stringify(rule)} is no host with a port: write it ${example}`
  const [, host = '', port] = parts
  if (port !== undefined && port !== '*' && (Number(port) < 1 || Number(port) > 65_535))
    return `${port} is no port: write one from 1 to 65535, or *`
  if (port === undefined) return `${JSON.stringify(rule)} has no port: write ${rule}:443, or ${rule}:* for all of them`
  if (host.includes('**') || /[^.*]\*|\*[^.*]/.test(host))
    return `* stands for whole parts of a name: write ${JSON.stringify(rule)} ${example}`
  return undefined
}

/** An allowing rule ends in a name that somebody owns: `example.*` would open example.anything. */
const allowed = pattern.superRefine((rule, context) => {
  if (/[A-Za-z][^:]*\.\*(:|$)/.test(rule))
    context.addIssue(`${JSON.stringify(rule)} allows names that others can register: write the end of the name out`)
})

const entrySchema = z.strictObject({
  allow: z.array(allowed).max(500).optional().describe('Where it may connect, host:port with *. An empty list: nowhere.'),
  deny: z.array(pattern).max(500).optional().describe('Where it may not, whatever allow says.'),
  max_connections: z.int().min(0).max(10_000).optional().describe('Connections that it has open at once.'),
  rate_limit_requests_per_minute: z.int().min(0).max(1_000_000).optional().describe('Connections that it opens in a minute.'),
})

/** What network.yaml says of one agent, or of all in `default`; what is absent comes from the level. */
export type Network = z.output<typeof entrySchema>

/** `network.yaml`. An absent file means the presets of the levels. */
export const networkSchema = z.strictObject({
  network: z
    .record(z.string(), entrySchema)
    .default({})
    .describe('Connections by name of agent; default is for all of them. What is not written comes from the level.'),
})

export function parseNetwork(
  source: Source,
  agents: ReadonlySet<string> | undefined,
): { network: ReadonlyMap<string, Network>; mistakes: readonly Mistake[] } {
  const report = reportOn(source)
  const network = new Map<string, Network>()
  for (const [name, value] of entriesOf(source, 'network', mostEntries, 'code: { allow: ["github.com:443"] }', report)) {
    const path = ['network', name]
    unknownAgent(name, path, agents, report)
    const entry = check(entrySchema, value ?? {}, path, report)
    if (entry !== undefined) network.set(name, entry)
  }
  return { network, mistakes: report.mistakes }
}
