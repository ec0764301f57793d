import type { Approval, Approvals } from '../../../runtime/policy/action.ts'
import type { ApprovalBook } from '../../../runtime/policy/approvals/approvals.ts'

/** Approvals whose state a test writes down. */
export interface FakeApprovals extends Omit<Approvals, 'decided'>, Pick<ApprovalBook, 'rule'> {
  ask(approval: Approval): void
  readonly decisions: string[]
}

export function fakeApprovals(): FakeApprovals {
  const all = new Map<string, Approval>()
  const listeners = new Set<(approval: Approval) => void>()
  const decisions: string[] = []
  const put = (approval: Approval) => {
    all.set(approval.id, approval)
    for (const listener of listeners) listener(approval)
  }
  return {
    decisions,
    ask: put,
    waiting: async () => [...all.values()].filter(({ state }) => state === 'waiting'),
    recent: async limit => [...all.values()].reverse().slice(0, limit),
    get: async id => all.get(id),
    async decide(id, decision, by, note) {
      const approval = all.get(id)
      if (approval?.state !== 'waiting') return false
      decisions.push(`${decision} ${id} by ${by}${note === undefined ? '' : `: ${note}`}`)
      put({ ...approval, state: decision, decidedBy: by, note })
      return true
    },
    rule: async id => {
      const found = all.get(id)
      return found?.rule === undefined ? undefined : { agent: found.agent, section: 'verb', pattern: found.rule }
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export const approval = (changes: Partial<Approval> = {}): Approval => ({
  id: 'a1',
  agent: 'infra',
  task: undefined,
  thread: undefined,
  title: 'publish bakery on bakery.example.com',
  reason: 'Level 2 asks before it changes a domain. The supervisor: it is what Ada asked for.',
  shown: [
    { name: 'verb', text: 'deploy.publish' },
    { name: 'input', text: '{\n  "project": "bakery",\n  "domain": "bakery.example.com"\n}' },
  ],
  digest: '5f'.repeat(32),
  state: 'waiting',
  askedAt: new Date(Date.now() - 60_000).toISOString(),
  expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  decidedBy: undefined,
  note: undefined,
  rule: undefined,
  ...changes,
})
