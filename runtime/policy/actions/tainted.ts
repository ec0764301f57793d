import type { AgentPolicy } from '../../../desired-state/state.ts'
import type { Need } from '../action.ts'
import { parseNetPattern } from '../net.ts'

/** Verbs that stay within the appliance and change nothing that others see. */
const within = /^(task|message|status|project)\.|^service\.status$|^database\.query$/

/**
 * Why something that the rules allow still needs a person once text of strangers is in the thread; undefined when it does
 * not. Looking is free; sending to where no rule names the host, and changing the server, are not.
 */
export function taintedReason(policy: AgentPolicy, needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    const why = reasonOf(policy, need)
    if (why !== undefined) return `text of strangers is in this conversation, and ${why}`
  }
  return undefined
}

function reasonOf(policy: AgentPolicy, need: Need): string | undefined {
  switch (need.kind) {
    case 'verb':
      return within.test(need.verb) ? undefined : `${need.verb} changes or tells something outside of it`
    case 'run':
      return policy.net.allow.some(isWide) ? 'a command could send to any host' : undefined
    case 'net':
      return namedHost(policy, need) ? undefined : `no rule names ${need.host}`
    default:
      return undefined
  }
}

const namedHost = (policy: AgentPolicy, { host, port }: Extract<Need, { kind: 'net' }>) =>
  policy.net.allow.some(rule => !isWide(rule) && parseNetPattern(rule)?.matches(host, port))

/** `*:443`, `*.*:443`: no name of anybody stands in it. */
export const isWide = (rule: string): boolean => {
  const pattern = parseNetPattern(rule)
  return pattern !== undefined && /^[*.]+$/.test(pattern.host)
}
