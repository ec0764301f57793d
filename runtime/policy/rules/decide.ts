import type { AgentPolicy } from '../../../desired-state/state.ts'
import type { Need } from '../action.ts'
import { canonicalHost, parseNetPattern } from '../net.ts'
import { isWithin, pathOfRule, tidy } from '../paths.ts'
import { type Decision, judge, type PolicyFacts, refuse, together } from './decision.ts'
import { decideRun } from './run.ts'
import { decideSql } from './sql.ts'

/**
 * Whether an agent with this policy may do what an action needs: every need must be allowed, deny beats ask beats allow,
 * and what nothing matches is denied. Depends on its arguments only; a promise because the parsers are loaded at first use.
 */
export async function decideNeeds(policy: AgentPolicy, needs: readonly Need[], facts: PolicyFacts): Promise<Decision> {
  const decisions: Decision[] = []
  for (const need of needs) decisions.push(await decideNeed(policy, need, facts))
  return together(decisions)
}

async function decideNeed(policy: AgentPolicy, need: Need, facts: PolicyFacts): Promise<Decision> {
  switch (need.kind) {
    case 'read':
    case 'write':
      return decidePath(policy, need, facts)
    case 'net':
      return decideNet(policy, need, facts)
    case 'run':
      return await decideRun(policy, need, facts)
    case 'sql':
      return await decideSql(policy, need, facts)
    case 'verb':
      return judge(policy, facts.agent, 'verb', `the verb ${need.verb}`, rule => verbMatches(rule, need.verb))
  }
}

function decidePath(policy: AgentPolicy, need: Extract<Need, { path: string }>, { agent, places }: PolicyFacts): Decision {
  const path = tidy(need.path)
  if (path === undefined) return refuse(`${JSON.stringify(need.path)} is no absolute path`)
  const matches = (rule: string) => {
    const folder = pathOfRule(rule, places)
    return folder !== undefined && isWithin(path, folder)
  }
  const decision = judge(policy, agent, need.kind, `${need.kind === 'read' ? 'reading' : 'writing'} ${path}`, matches)
  if (need.kind === 'write' || decision.decision !== 'deny' || decision.matched.length > 0) return decision
  // What may be written can be read.
  const written = judge(policy, agent, 'write', `reading ${path}`, matches)
  return written.decision === 'allow' ? written : decision
}

function decideNet(policy: AgentPolicy, need: Extract<Need, { kind: 'net' }>, { agent }: PolicyFacts): Decision {
  const host = canonicalHost(need.host)
  if (host === undefined) return refuse(`${JSON.stringify(need.host)} is no host`)
  return judge(policy, agent, 'net', `connecting to ${host}:${need.port}`, rule => {
    return parseNetPattern(rule)?.matches(host, need.port) ?? false
  })
}

/** `domain.set`, `domain.*`, `*`. */
function verbMatches(rule: string, verb: string): boolean {
  if (rule === '*' || rule === verb) return true
  return rule.endsWith('.*') && verb.startsWith(rule.slice(0, -1))
}
