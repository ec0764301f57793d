import type { AgentPolicy, Rules } from '../../../desired-state/state.ts'
import type { PolicyPlaces } from '../paths.ts'

/** The words of permissions.yaml and network.yaml that hold rules. */
export type RuleWord = 'read' | 'write' | 'net' | 'run' | 'env' | 'sql' | 'verb'

/** What a decision is made from, besides the policy and the needs. */
export interface PolicyFacts {
  readonly agent: string
  readonly places: PolicyPlaces
}

/** A rule that decided, and where it stands. */
export interface MatchedRule {
  readonly word: RuleWord
  readonly list: keyof Rules
  readonly rule: string
}

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'ask'
  /** A sentence that names the rule and the file where it is changed. */
  readonly reason: string
  readonly matched: readonly MatchedRule[]
}

export const fileOf = (word: RuleWord): string => (word === 'net' ? 'network.yaml' : 'permissions.yaml')

/** Deny beats always beats ask beats allow, and what nothing matches is denied. `subject` reads like “running git push”. */
export function judge(
  policy: AgentPolicy,
  agent: string,
  word: RuleWord,
  subject: string,
  matches: (rule: string, list: keyof Rules) => boolean,
): Decision {
  for (const list of ['deny', 'always', 'ask', 'allow'] as const) {
    const rule = policy[word][list]?.find(one => matches(one, list))
    if (rule === undefined) continue
    return {
      decision: list === 'always' ? 'allow' : list,
      reason: because(list, subject, word, rule, agent),
      matched: [{ word, list, rule }],
    }
  }
  return refuse(`nothing allows ${subject}: add it to allow under ${keys(word, agent)}`)
}

export const refuse = (reason: string): Decision => ({ decision: 'deny', reason, matched: [] })

function because(list: keyof Rules, subject: string, word: RuleWord, rule: string, agent: string): string {
  const where = `the rule ${JSON.stringify(rule)} in ${list} under ${keys(word, agent)}`
  if (list === 'deny') return `${subject} is denied by ${where}`
  return list === 'ask' ? `${subject} needs a person because of ${where}` : `${subject} is allowed by ${where}`
}

const keys = (word: RuleWord, agent: string) =>
  word === 'net' ? `network.${agent} (network.yaml)` : `permissions.${agent}.${word} (permissions.yaml)`

/** One decision for several, empty for none: a refusal by a rule before one for want of a rule, else everything that asks, else allow. */
export function together(decisions: readonly Decision[]): Decision {
  const refusals = decisions.filter(one => one.decision === 'deny')
  const refused = refusals.find(one => one.matched.length > 0) ?? refusals[0]
  if (refused !== undefined) return refused
  const asking = decisions.filter(one => one.decision === 'ask')
  const deciding = asking.length > 0 ? asking : decisions
  return {
    decision: asking.length > 0 ? 'ask' : 'allow',
    reason: [...new Set(deciding.map(one => one.reason))].filter(reason => reason !== '').join('; '),
    matched: deciding.flatMap(one => one.matched),
  }
}
