import type { AgentPolicy } from '../../../desired-state/state.ts'
import type { Need } from '../action.ts'
import { readSql } from '../sql.ts'
import { type Decision, judge, type PolicyFacts, refuse, together } from './decision.ts'

/** Every operation of every statement must be allowed; what Postgres' own parser cannot read is denied. */
export async function decideSql(
  policy: AgentPolicy,
  need: Extract<Need, { kind: 'sql' }>,
  { agent }: PolicyFacts,
): Promise<Decision> {
  const reading = await readSql(need.statement)
  if ('problem' in reading) return refuse(`the SQL cannot be checked: ${reading.problem}`)
  if (reading.operations.length === 0) return together([])
  return together(
    reading.operations.map(names => judge(policy, agent, 'sql', names[0], rule => names.some(name => means(rule, name)))),
  )
}

/** `DROP TABLE`, `DROP *`, `*`; small letters and doubled spaces make no difference. */
function means(rule: string, name: string): boolean {
  const plain = (text: string) => text.trim().replace(/\s+/g, ' ').toUpperCase()
  const [wanted, given] = [plain(rule), plain(name)]
  return wanted === '*' || wanted === given || (wanted.endsWith(' *') && given.startsWith(wanted.slice(0, -1)))
}
