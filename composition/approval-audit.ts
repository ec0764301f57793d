import type { ApprovalAudit } from '../reconcilers/engine/approval-audit.ts'
import type { Audit } from '../runtime/audit/audit.ts'
import { auditedHold } from '../web/api/approve-hold.ts'

/** Approvals of held commits that the door did not get to write down, in the audit of the appliance. */
export const createApprovalAudit = (audit: Pick<Audit, 'record' | 'search' | 'caughtUp'>): ApprovalAudit => ({
  async has(id) {
    await audit.caughtUp()
    const { events } = await audit.search({ text: id, outcome: 'success', limit: 500 })
    return events.some(({ action, target }) => action === 'hold.approved' && target.split('/').includes(id))
  },
  record: ({ hold, by, at }) =>
    audit.record({
      ...{ type: 'config_changed', agent: '', user: by, action: 'hold.approved', target: `/api/approve/${hold.id}` },
      outcome: 'success',
      details: {
        ...auditedHold(hold),
        at: at.toISOString(),
        why: 'it took effect, and whoever asked was left without an answer',
      },
    }),
})
